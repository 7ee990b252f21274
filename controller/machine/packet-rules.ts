// Packet filter rules of a machine set on the host: engines reach each other even where the host's own Docker drops
// forwarded packets, and reach the outside through the host's address.
import type { RunCommand } from './run-command.js';

export interface PacketRule {
  /** Program that holds the rule: iptables, or the other of its two variants where that one drops packets. */
  readonly program: string;
  readonly table: 'filter' | 'nat';
  readonly chain: 'FORWARD' | 'POSTROUTING';
  readonly match: readonly string[];
}

/** Rules of one set. Pure: the same set gives the same rules. */
export function planPacketRules(options: {
  readonly bridge: string;
  readonly subnet: string;
  /** Filters that packets between engines pass through. */
  readonly programs: readonly string[];
  /** Whether engines may reach beyond the host. */
  readonly nat: boolean;
}): readonly PacketRule[] {
  const { bridge, subnet } = options;
  const forward = (program: string, ...match: readonly string[]): PacketRule => ({
    program,
    table: 'filter',
    chain: 'FORWARD',
    match: [...match, '-j', 'ACCEPT'],
  });
  const rules = options.programs.map((program) => forward(program, '-i', bridge, '-o', bridge));
  if (!options.nat) return rules;
  return [
    ...rules,
    ...options.programs.flatMap((program) => [
      forward(program, '-i', bridge, '!', '-o', bridge),
      forward(program, '-o', bridge, '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED'),
    ]),
    {
      program: options.programs[0] ?? 'iptables',
      table: 'nat',
      chain: 'POSTROUTING',
      match: ['-s', subnet, '!', '-o', bridge, '-j', 'MASQUERADE'],
    },
  ];
}

/**
 * The iptables programs whose rules decide here. The second variant counts only when it already has a filter table:
 * asking it otherwise would create one.
 */
export async function findFilterPrograms(run: RunCommand): Promise<readonly string[]> {
  const version = await run('iptables', ['--version'], { mayFail: true });
  if (version.code !== 0) return [];
  const isNft = version.stdout.includes('nf_tables');
  const legacyTables = await run('cat', ['/proc/net/ip_tables_names'], { mayFail: true });
  const other = isNft ? 'iptables-legacy' : 'iptables-nft';
  if (isNft && !legacyTables.stdout.split('\n').includes('filter')) return ['iptables'];
  const policy = await run(other, ['-w', '5', '-S', 'FORWARD'], { mayFail: true });
  // Only a filter that refuses something needs our exception.
  const refuses = policy.code === 0 && /^-P FORWARD DROP|-j (DROP|REJECT)/m.test(policy.stdout);
  return refuses ? ['iptables', other] : ['iptables'];
}

/** Puts the rules at the top of their chains; those that are there already stay where they are. */
export async function addPacketRules(run: RunCommand, rules: readonly PacketRule[]): Promise<void> {
  for (const rule of rules) {
    const there = await run(rule.program, ruleArguments('-C', rule), { mayFail: true });
    if (there.code !== 0) await run(rule.program, ruleArguments('-I', rule));
  }
}

/** Removes every copy of the rules; ones that are gone are fine. */
export async function removePacketRules(run: RunCommand, rules: readonly PacketRule[]): Promise<void> {
  for (const rule of rules) {
    // A firewall that saved and restored its rules may have left copies; 10 is far more than that makes.
    for (let copy = 0; copy < 10; copy += 1) {
      const removed = await run(rule.program, ruleArguments('-D', rule), { mayFail: true });
      if (removed.code !== 0) break;
    }
  }
}

function ruleArguments(action: '-C' | '-I' | '-D', rule: PacketRule): string[] {
  return ['-w', '5', '-t', rule.table, action, rule.chain, ...rule.match];
}
