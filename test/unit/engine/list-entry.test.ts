// List entries as the bytes that engines sent.
import fc from 'fast-check';
import t from 'tap';
import { ListEntry } from '../../../controller/engine/list-entry.js';
import type { Steps } from '../../../controller/engine/work-slices.js';

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

void t.test('ListEntry.listing() finds the same entries whatever was known before', async (t) => {
  const id = (digit: string): string => digit.repeat(64);
  const status = fc.constantFrom('Up 5 minutes', 'Up 2 hours', 'Up \\"x\\" "]}', '', 7, undefined);
  const entry = fc.record({
    Id: fc.constantFrom(id('a'), id('b'), 'short'),
    Names: fc.constantFrom(['/web'], ['/db']),
    Status: status,
    Ports: fc.constantFrom([], [{ PrivatePort: 80 }]),
  });
  const lists = fc.array(entry, { maxLength: 4 });
  fc.assert(
    fc.property(lists, lists, (before, now) => {
      const known = new Map(listed(before).map((one) => [one.id, one]));
      const answer = Buffer.from(JSON.stringify(now));
      const found = finish(ListEntry.listing(answer, (wanted) => known.get(wanted)));
      const shown = (one: ListEntry): unknown => [
        one.id,
        one.parse(),
        text(one, { Names: '["x"]', Ports: '[1]', Status: '"y"' }),
      ];
      return fc.stringify(found.map(shown)) === fc.stringify(ListEntry.listed(answer).map(shown));
    }),
  );
  t.pass();
});

void t.test('ListEntry.listing() gives the known entry again where nothing has changed', async (t) => {
  const summary = { Id: 'a'.repeat(64), Names: ['/web'], Status: 'Up 5 minutes', Ports: [] };
  const [before] = listed([summary]);
  const again = (change: object): ListEntry | undefined =>
    finish(ListEntry.listing(Buffer.from(JSON.stringify([1, { ...summary, ...change }])), () => before))[0];
  t.equal(again({}), before);
  const older = again({ Status: 'Up 10 minutes' });
  t.not(older, before);
  t.same(
    [older?.status, older?.value('Ports'), older?.value('Names')],
    ['Up 10 minutes', [], ['/web']],
    'its values are found behind a longer status',
  );
  t.equal(before?.status, 'Up 5 minutes');
});

void t.test('ListEntry.listing() refuses a list that is cut off after a known entry', async (t) => {
  const summary = { Id: 'a'.repeat(64), Status: 'Up 5 minutes', Names: [] };
  const [before] = listed([summary]);
  const whole = Buffer.from(JSON.stringify([summary]));
  for (let length = 0; length < whole.length; length += 1)
    t.throws(
      () => finish(ListEntry.listing(whole.subarray(0, length), () => before)),
      SyntaxError,
      `${length} bytes`,
    );
});

function listed(summaries: readonly object[]): readonly ListEntry[] {
  return ListEntry.listed(Buffer.from(JSON.stringify(summaries)));
}

function finish<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

function sorted(value: unknown): unknown {
  return Object.entries(value as object).sort(([a], [b]) => (a < b ? -1 : 1)); // both are objects
}
