// List entries as the bytes that engines sent.
import fc from 'fast-check';
import t from 'tap';
import { ListEntry } from '../../../controller/engine/list-entry.js';

const text = (entry: ListEntry | undefined, json: Record<string, string>): string =>
  Buffer.from(entry?.patched(json) ?? '', 'latin1').toString();

void t.test('ListEntry.listed() finds entries and members whatever JSON they hold', async (t) => {
  const entry = fc.dictionary(
    fc.oneof(fc.constantFrom('Names', 'Status', 'Ports'), fc.string()),
    fc.jsonValue(),
    { maxKeys: 6 },
  );
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 5 }), fc.constantFrom(undefined, 1), (entries, indent) => {
      const listed = ListEntry.listed(Buffer.from(JSON.stringify(entries, undefined, indent)));
      if (listed.length !== entries.length) return false;
      return listed.every((one, at) => {
        const original = JSON.parse(JSON.stringify(entries[at])) as Record<string, unknown>; // an object
        const patched = JSON.parse(text(one, { Names: '["ä"]', Status: '"x"' })) as unknown;
        return (
          JSON.stringify(one.parse()) === JSON.stringify(original) &&
          JSON.stringify(one.value('Ports')) === JSON.stringify(original['Ports']) &&
          fc.stringify(sorted(patched)) === fc.stringify(sorted({ ...original, Names: ['ä'], Status: 'x' }))
        );
      });
    }),
  );
  t.pass();
});

void t.test('ListEntry.patched() changes nothing but the member', async (t) => {
  const bytes = '[ {"Id":"a", "Big":12345678901234567890, "Status" : "Up \\"x\\" ]}", "E":1e2 } ,{}]';
  const [first, second] = ListEntry.listed(Buffer.from(bytes));
  t.equal(
    text(first, { Status: '"Down"' }),
    '{"Id":"a", "Big":12345678901234567890, "Status" : "Down", "E":1e2 }',
  );
  t.equal(first?.status, 'Up "x" ]}');
  t.equal(text(second, { Status: '1', Names: '[]' }), '{"Status":1,"Names":[]}');
  t.equal(second?.status, '');
});

void t.test('ListEntry.listed() refuses what is no list', async (t) => {
  for (const answer of [
    '',
    '{}',
    '{"message":"x"}',
    '[{]',
    '[{"a":1}',
    '[{"a" 1}]',
    '[{"a":"x}]',
    '[1 2]',
    'null',
  ])
    t.throws(() => ListEntry.listed(Buffer.from(answer)), SyntaxError, answer);
  t.same(ListEntry.listed(Buffer.from('[1,"x",null,[]]')), [], 'what is no object is no entry');
});

function sorted(value: unknown): unknown {
  return Object.entries(value as object).sort(([a], [b]) => (a < b ? -1 : 1)); // both are objects
}
