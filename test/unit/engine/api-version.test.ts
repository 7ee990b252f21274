// The order of API versions, and what is spoken to engines.
import t from 'tap';
import { clampVersion, compareApiVersions, isAtLeast } from '../../../controller/engine/api-version.js';

void t.test('clampVersion() stays as near to the client as the engine can', async (t) => {
  const rows: readonly [string, string, string, string][] = [
    ['1.41', '1.12', '1.50', '1.41'],
    ['1.51', '1.12', '1.41', '1.41'],
    ['1.24', '1.44', '1.52', '1.44'],
    ['1.41', '', '', '1.41'],
  ];
  for (const [version, minApiVersion, apiVersion, expected] of rows) {
    t.equal(clampVersion(version, { minApiVersion, apiVersion }), expected);
  }
});

void t.test('compareApiVersions() compares numbers, not text', async (t) => {
  t.ok(compareApiVersions('1.9', '1.41') < 0);
  t.ok(isAtLeast('1.42', '1.42'));
  t.notOk(isAtLeast('1.41', '1.42'));
});
