// What the kernel of this host allows an engine: the overlay file system, and packet filters in a namespace. Tried, not
// looked up: containers, old kernels and restricted hosts differ in ways no list covers.
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { findProgram } from './preflight.js';
import type { RunCommand } from './run-command.js';

/** overlay2 where an overlay on the machine's own file system can be mounted, else vfs, which copies every layer. */
export async function chooseStorageDriver(
  run: RunCommand,
  directory: string,
): Promise<{ readonly driver: 'overlay2' | 'vfs'; readonly reason: string }> {
  await mkdir(directory, { recursive: true });
  const trial = await mkdtemp(path.join(directory, '.overlay-'));
  try {
    await Promise.all(['lower', 'upper', 'work', 'merged'].map((name) => mkdir(path.join(trial, name))));
    // In a mount namespace of its own, so that nothing stays mounted whatever happens. A file is renamed inside,
    // because some file systems can be mounted but lack what a write needs.
    const tried = await run(
      'unshare',
      [
        ...['--mount', '--propagation', 'private', '--', 'sh', '-e', '-c'],
        'cd "$1"; mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged; : > merged/a; mv merged/a merged/b',
        ...['trial', trial],
      ],
      { mayFail: true },
    );
    return tried.code === 0
      ? { driver: 'overlay2', reason: 'storage driver overlay2' }
      : {
          driver: 'vfs',
          reason: `storage driver vfs: overlay does not work here (${lastLine(tried.stderr)})`,
        };
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}

export type PacketFilter =
  /** dockerd uses `iptables`; `program` is the variant to give it under that name, absent for the default. */
  | { readonly type: 'works'; readonly program?: string; readonly reason: string }
  | { readonly type: 'absent'; readonly reason: string };

// What dockerd needs for its default bridge, in chains of our own that go again.
const filterTrial = `
i=$1
trap '"$i" -w 5 -t nat -F SWTRIAL; "$i" -w 5 -t nat -X SWTRIAL; "$i" -w 5 -F SWTRIAL; "$i" -w 5 -X SWTRIAL' EXIT
"$i" -w 5 -t nat -N SWTRIAL
"$i" -w 5 -t nat -A SWTRIAL -m addrtype --dst-type LOCAL -j RETURN
"$i" -w 5 -t nat -A SWTRIAL -p tcp -m tcp --dport 1 -j DNAT --to-destination 127.0.0.1:1
"$i" -w 5 -N SWTRIAL
"$i" -w 5 -A SWTRIAL -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
`;

/** Which iptables works inside the namespace, so that containers can have networks and published ports. */
export async function choosePacketFilter(
  run: RunCommand,
  options: { readonly namespacePath: string; readonly searchPath: string },
): Promise<PacketFilter> {
  const reasons: string[] = [];
  for (const name of ['iptables', 'iptables-nft', 'iptables-legacy']) {
    const program = await findProgram(name, options.searchPath);
    if (program === undefined) continue;
    const tried = await run(
      'nsenter',
      [`--net=${options.namespacePath}`, '--', 'sh', '-e', '-c', filterTrial, 'trial', program],
      { mayFail: true },
    );
    if (tried.code === 0) {
      return name === 'iptables'
        ? { type: 'works', reason: 'containers have networks and published ports' }
        : { type: 'works', program, reason: `containers have networks and published ports, through ${name}` };
    }
    reasons.push(`${name}: ${lastLine(tried.stderr)}`);
  }
  const why = reasons.length === 0 ? 'there is no iptables' : reasons.join('; ');
  return { type: 'absent', reason: `containers have only the host and none networks: ${why}` };
}

/** Makes a directory of links, program name to file, to be put first on the engine's path. @returns it, unless empty */
export async function linkPrograms(
  directory: string,
  programs: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  await rm(directory, { recursive: true, force: true });
  if (programs.size === 0) return [];
  await mkdir(directory, { recursive: true, mode: 0o755 });
  await Promise.all([...programs].map(([name, file]) => symlink(file, path.join(directory, name))));
  return [directory];
}

function lastLine(text: string): string {
  const lines = text.trim().split('\n');
  return (
    lines.find((line) => /error|fail|unknown|no such|denied|can't|could not/i.test(line)) ??
    lines.at(-1) ??
    ''
  );
}
