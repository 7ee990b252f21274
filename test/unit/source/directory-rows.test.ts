// Every trap of a manifest directory has a test that exists, by name, and every test of the source belongs to the files that are named.
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { directoryRows } from '../../support/directory-rows.js';

/** Titles of tests, and names of rows in tables, as they are written: in quotes. */
function holds(source: string, title: string): boolean {
  const escaped = title.replaceAll("'", "\\'");
  return [`'${escaped}'`, `"${title}"`, `\`${title}\``].some((text) => source.includes(text));
}

const rows = Object.entries(directoryRows).flatMap(([part, list]) => list.map((row) => ({ part, ...row })));
const sources = new Map<string, string>();
for (const file of new Set(rows.flatMap(({ tests }) => Object.keys(tests))))
  sources.set(file, await readFile(`test/${file}`, 'utf8'));

t.test('directoryRows: every trap has a test that exists', async (t) => {
  for (const { part, trap, tests } of rows) {
    const named = Object.entries(tests).flatMap(([file, titles]) => titles.map((title) => ({ file, title })));
    t.ok(named.length > 0, `${part}: ${trap}`);
    for (const { file, title } of named)
      t.ok(holds(sources.get(file) ?? '', title), `${trap}: "${title}" is in test/${file}`);
  }
});

t.test('directoryRows: no trap is named twice, and no test of one is skipped', async (t) => {
  t.equal(new Set(rows.map(({ part, trap }) => `${part} ${trap}`)).size, rows.length);
  for (const [file, source] of sources) t.notMatch(source, /\bt\.(skip|todo)\b|\b(skip|todo): /, file);
});

t.test('directoryRows: a trap without its test is noticed', async (t) => {
  t.notOk(holds("t.test('one', async () => {", 'two'));
  t.ok(holds("t.test('one', async () => {", 'one'));
});
