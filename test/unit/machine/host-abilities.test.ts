// Decisions about what the host can do: packet filters, storage drivers.
import { chmodSync } from 'node:fs';
import t from 'tap';
import { choosePacketFilter } from '../../../controller/machine/host-abilities.js';
import { findFilterPrograms } from '../../../controller/machine/packet-rules.js';
import type { CommandResult, RunCommand } from '../../../controller/machine/run-command.js';

const answer = (result: Partial<CommandResult>): CommandResult => ({
  stdout: '',
  stderr: '',
  code: 0,
  ...result,
});

t.test('choosePacketFilter() takes the first variant that works in the namespace', async (t) => {
  const programs = { iptables: '#!', 'iptables-nft': '#!', 'iptables-legacy': '#!' };
  const directory = t.testdir(programs);
  for (const name of Object.keys(programs)) chmodSync(`${directory}/${name}`, 0o755);
  const where = { namespacePath: '/run/netns/x', searchPath: directory };
  const worksOnly =
    (wanted: string): RunCommand =>
    (_file, args) =>
      Promise.resolve(
        args.at(-1) === `${directory}/${wanted}`
          ? answer({})
          : answer({ code: 1, stderr: 'loading\niptables: No such table: nat\n' }),
      );
  t.match(await choosePacketFilter(worksOnly('iptables'), where), { type: 'works', program: undefined });
  t.match(await choosePacketFilter(worksOnly('iptables-legacy'), where), {
    type: 'works',
    program: `${directory}/iptables-legacy`,
  });
  t.match(await choosePacketFilter(worksOnly('none'), where), {
    type: 'absent',
    reason: /^containers have only the host and none networks: iptables: iptables: No such table: nat; /,
  });
});

t.test('findFilterPrograms() asks the second variant only where it drops packets', async (t) => {
  const host =
    (o: { version: string; legacyTables?: string; otherRules?: string }): RunCommand =>
    (file, args) => {
      if (args[0] === '--version') return Promise.resolve(answer({ stdout: o.version }));
      if (file === 'cat')
        return Promise.resolve(answer({ stdout: o.legacyTables ?? '', code: o.legacyTables ? 0 : 1 }));
      return Promise.resolve(
        answer({ stdout: o.otherRules ?? '', code: o.otherRules === undefined ? 1 : 0 }),
      );
    };
  const nft = 'iptables v1.8.9 (nf_tables)';
  const legacy = 'iptables v1.8.9 (legacy)';
  const drop = '-P FORWARD DROP\n';
  const accept = '-P FORWARD ACCEPT\n';
  const tables = 'nat\nfilter\n';
  t.same(await findFilterPrograms(host({ version: nft })), ['iptables']);
  t.same(await findFilterPrograms(host({ version: nft, legacyTables: tables, otherRules: accept })), [
    'iptables',
  ]);
  t.same(await findFilterPrograms(host({ version: nft, legacyTables: tables, otherRules: drop })), [
    'iptables',
    'iptables-legacy',
  ]);
  t.same(await findFilterPrograms(host({ version: legacy, otherRules: drop })), ['iptables', 'iptables-nft']);
  t.same(await findFilterPrograms(host({ version: legacy })), ['iptables'], 'a host with one variant only');
  t.same(await findFilterPrograms(() => Promise.resolve(answer({ code: 127 }))), []);
});
