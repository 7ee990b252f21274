// Large and hostile files in the parser's own thread: bounded in time and memory, while everything else goes on.
import t from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { formatProblem } from '../../../controller/source/manifest-problem.js';
import { ManifestSet } from '../../../controller/source/manifest-set.js';
import { createManifestParser } from '../../../cmd/swarmctl/wire/manifest-parser.js';
import { nodeManifest } from '../../support/manifests.js';
import { validator } from '../../support/watched-directories.js';

// Starting the thread takes seconds on a busy machine.
t.setTimeout(300_000);

const megabyte = 1024 * 1024 - 100;
const fill = (piece: string): string => piece.repeat(Math.floor(megabyte / piece.length));
const manyNodes = Array.from({ length: 3000 }, (_, index) => `---\n${nodeManifest(`n${index}`)}`).join('');

function aParser(o: { readonly timeoutMs?: number } = {}) {
  return createManifestParser({ schemas: 'schemas', clock: systemClock, ...o });
}

/** Turns of the event loop while `work` is under way. */
async function turnsDuring<T>(work: Promise<T>): Promise<{ turns: number; result: T }> {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setTimeout(count, 1);
  };
  setTimeout(count, 1);
  const result = await work.finally(() => (isOver = true));
  return { turns, result };
}

t.test(
  'ParseThread.parse() reads thousands of objects as parseManifest() does, and can be used again',
  async (t) => {
    const parser = aParser();
    t.teardown(() => parser.rest());
    const { turns, result } = await turnsDuring(parser.parse({ file: 'a.yaml', text: manyNodes }));
    if (result.type !== 'parsed') throw new Error(result.why);
    t.equal(result.result.objects.length, 3000);
    t.match(result.result.objects[1], {
      resource: { kind: 'Node', metadata: { name: 'n1' } },
      position: { file: 'a.yaml', line: 11, column: 1 },
    });
    t.ok(turns > 10, `the loop turned ${turns} times`);
    await parser.rest();
    await parser.rest();
    const again = await parser.parse({ file: 'b.yaml', text: 'kind: [' });
    t.match(again, { type: 'parsed', result: { objects: [], problems: [{ file: 'b.yaml', line: 1 }] } });
  },
);

t.test('ParseThread.parse() ends every hostile megabyte while the loop keeps running', async (t) => {
  const parser = aParser({ timeoutMs: 2000 });
  t.teardown(() => parser.rest());
  const hostile: Record<string, string> = {
    brackets: fill('[]'),
    commas: `[${fill(',')}]`,
    'a flat map': Array.from({ length: 60_000 }, (_, index) => `k${index}: v\n`).join(''),
    'the same key': fill('a: b\n'),
  };
  for (const [name, text] of Object.entries(hostile)) {
    const { turns, result } = await turnsDuring(parser.parse({ file: 'a.yaml', text }));
    if (result.type === 'parsed') {
      t.same(result.result.objects, [], name);
      t.ok(result.result.problems.length > 0, name);
    } else {
      t.match(result.why, /^parsing it takes (longer than 2 s|more than 384 MB of memory); split it$/, name);
    }
    t.ok(turns > 10, `${name}: the loop turned ${turns} times`);
  }
});

t.test(
  'ManifestSet keeps the last good objects of a file that is given up, and tries it again',
  async (t) => {
    const impatient = aParser({ timeoutMs: 1 });
    t.teardown(() => impatient.rest());
    const patient = aParser();
    t.teardown(() => patient.rest());
    let parser = patient;
    const set = new ManifestSet(validator, {
      aside: { parse: (request) => parser.parse(request), rest: () => parser.rest() },
    });
    const update = (text: string, sha256: string) =>
      set.update([{ file: 'a.yaml', content: { type: 'text', text, sha256 } }]);
    t.match(await update(manyNodes, 'one'), { isComplete: true, problems: [] });
    parser = impatient;
    const given = await update(`${manyNodes}# more\n`, 'two');
    t.equal(given.isComplete, false);
    t.equal(given.objects.length, 3000);
    t.same(given.problems.map(formatProblem), [
      'a.yaml:1:1: Cannot read the file: parsing it takes longer than 0.001 s; split it',
    ]);
    parser = patient;
    t.match(await update(`${manyNodes}# more\n`, 'two'), { isComplete: true, problems: [] });
  },
);
