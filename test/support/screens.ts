// Screens of a real fleet beside their recorded transcripts: what differs from fleet to fleet and from run to run is
// replaced before they are compared, the words, their order and their layout are not.
import { readFile, writeFile } from 'node:fs/promises';
import process from 'node:process';
import type { Test } from 'tap';
import { formatRows } from '../../cmd/swarmctl/output/table.js';

const recorded = 'docs/describe.md';

/**
 * Compares a screen with the block of `docs/describe.md` that begins with `$ command`; UPDATE_GOLDEN=1 writes it there.
 * @param o.rename texts to replace first: addresses and paths of the test
 */
export async function matchScreen(
  t: Test,
  o: {
    readonly command: string;
    readonly screen: string;
    readonly rename: readonly (readonly [string, string])[];
  },
): Promise<void> {
  const screen = aligned(
    o.rename.reduce((text, [from, to]) => text.replaceAll(from, to), o.screen),
  ).trimEnd();
  t.comment(`$ ${o.command}\n${screen}`);
  const text = await readFile(recorded, 'utf8');
  const start = `\`\`\`\n$ ${o.command}\n`;
  const from = text.indexOf(start) + start.length;
  const end = text.indexOf('\n```', from);
  t.ok(from >= start.length && end > from, `${recorded} shows ${o.command}`);
  if (process.env['UPDATE_GOLDEN'] === '1')
    await writeFile(recorded, `${text.slice(0, from)}${screen}${text.slice(end)}`);
  t.equal(comparable(screen), comparable(text.slice(from, end)), `${o.command} is as in ${recorded}`);
}

/** A path that became shorter leaves its column too wide. */
function aligned(screen: string): string {
  return screen.replace(/^Owners of fields:\n((?: .*\n)+)/m, (_all, rows: string) => {
    const cells = rows
      .trimEnd()
      .split('\n')
      .map((row) => row.trim().split(/ {3,}/))
      .map(([owner = '', fields = '']) => [`  ${owner}`, fields]);
    return `Owners of fields:\n${formatRows(cells)}`;
  });
}

/** Without ages, IDs, versions, sizes and reasons of the network, and without what happened, which is another story each time. */
function comparable(screen: string): string {
  const kept: string[] = [];
  let section = '';
  for (const line of screen.split('\n')) {
    if (!/^[ !]/.test(line)) section = line;
    // The host that runs the test is not the fleet.
    if (section.startsWith('host:') || section.startsWith('Next look:')) continue;
    const isStory = section === 'Story:' || section === 'Last actions:';
    if (isStory && line !== section) continue;
    kept.push(
      line
        .replace(/\d{4}-\d\d-\d\dT[\d:]+Z/g, 'TIME')
        .replace(/\b(\d+[smhdy])+\b/g, 'AGE')
        .replace(/(Cannot \w+ engine "[^"]+"(?: at [\d.:]+)?: ).*?(\)?)$/, '$1WHY$2')
        // Unhealthy for a while, then not listed any more.
        .replace(/(as healthy, not node3 ).*/, '$1WHY')
        .replace(/\b[0-9a-f]{12}\b/g, 'ID')
        .replace(/swarm:1\.0\.0-\S+/, 'IMAGE')
        .replace(/Docker \d\S*, /, 'Docker VERSION, ')
        .replace(/^(Engine: .*\/|Capacity: ).*/, '$1')
        .replace(/ +/g, ' '),
    );
  }
  return kept.join('\n');
}
