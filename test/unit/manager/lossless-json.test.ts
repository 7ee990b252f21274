// JSON with integers that a double cannot hold.
import fc from 'fast-check';
import t from 'tap';
import { parseJson, stringifyJson } from '../../../controller/manager/lossless-json.js';

void t.test('parseJson() and stringifyJson() keep integers that a double cannot hold', async (t) => {
  for (const text of [
    '{"Memory":9223372036854771712,"Name":"1234567890123456789"}',
    '[-9223372036854775808,18446744073709551615]',
    '{"a":"x\\"12345678901234567890","b":12345678901234567890}',
    '{"timeNano":1795349670123456789}',
  ]) {
    t.equal(stringifyJson(parseJson(text)), text);
  }
});

void t.test('parseJson() leaves what a double holds a number', async (t) => {
  t.same(parseJson('{"a":1,"b":9007199254740991,"c":0.12345678901234567,"d":1e300}'), {
    a: 1,
    b: 9007199254740991,
    c: Number('0.12345678901234567'),
    d: 1e300,
  });
});

void t.test('parseJson() and stringifyJson() are JSON for every other value', async () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      (value) =>
        stringifyJson(parseJson(JSON.stringify(value))) === JSON.stringify(JSON.parse(JSON.stringify(value))),
    ),
  );
});
