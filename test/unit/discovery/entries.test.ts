// Tests of entry parsing: the classic error texts and canonical spelling.
import t from 'tap';
import { parseEntries, parseEntry, sameEntries } from '../../../controller/discovery/entries.js';

const good = [
  ['10.0.0.1:2375', '10.0.0.1:2375'],
  ['node-1.local:2376', 'node-1.local:2376'],
  ['[::1]:2375', '[::1]:2375'],
  ['[fe80::1%eth0]:2375', '[fe80::1%eth0]:2375'],
  ['[10.0.0.1]:2375', '10.0.0.1:2375'],
  [':2375', ':2375'],
] as const;

for (const [text, expected] of good) {
  t.test(`parseEntry() accepts ${text}`, async (t) => t.equal(parseEntry(text), expected));
}

const bad = [
  ['foo', 'address foo: missing port in address'],
  ['::1:2375', 'address ::1:2375: too many colons in address'],
  ['http://h:1', 'address http://h:1: too many colons in address'],
  ['[::1]', 'address [::1]: missing port in address'],
  ['[::1:2375', "address [::1:2375: missing ']' in address"],
  ['[::1]]:2375', 'address [::1]]:2375: missing port in address'],
  ['[::1]:1:2', 'address [::1]:1:2: too many colons in address'],
  ['[a[b]:1', "address [a[b]:1: unexpected '[' in address"],
  ['a[b:1', "address a[b:1: unexpected '[' in address"],
  ['a]b:1', "address a]b:1: unexpected ']' in address"],
  ['h:', 'address h:: invalid port in address'],
  ['h:0', 'address h:0: invalid port in address'],
  ['h:65536', 'address h:65536: invalid port in address'],
  ['h:x', 'address h:x: invalid port in address'],
  ['h/x:1', 'address h/x:1: invalid host in address'],
  ['h\nx:1', 'address h\nx:1: invalid host in address'],
] as const;

for (const [text, message] of bad) {
  t.test(`parseEntry() refuses ${JSON.stringify(text)}`, async (t) =>
    t.throws(() => parseEntry(text), { code: 'DISCOVERY_INVALID', message }),
  );
}

t.test('parseEntries() skips empty texts and fails as a whole for one malformed entry', async (t) => {
  t.same(parseEntries(['', 'a:1', '', 'b:2']), ['a:1', 'b:2']);
  t.throws(() => parseEntries(['a:1', 'b']), { message: 'address b: missing port in address' });
});

t.test('sameEntries() compares element by element, in order', async (t) => {
  t.ok(sameEntries(['a:1', 'b:2'], ['a:1', 'b:2']));
  t.notOk(sameEntries(['a:1', 'b:2'], ['b:2', 'a:1']));
  t.notOk(sameEntries(['a:1'], ['a:1', 'b:2']));
});
