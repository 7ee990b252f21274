// API versions: what is accepted, refused, and spoken to engines.
import t from 'tap';
import { aRefusal } from './builders.js';
import {
  chooseVersion,
  compareVersions,
  isAtLeast,
  upstreamVersion,
} from '../../../controller/manager/api-version.js';

const range = { min: '1.24', max: '1.51' };

void t.test('chooseVersion() takes the version of the path, or the newest', async (t) => {
  t.equal(chooseVersion(undefined, range), '1.51');
  for (const version of ['1.24', '1.30', '1.51']) t.equal(chooseVersion(version, range), version);
});

void t.test('chooseVersion() refuses other versions in the words of the engine', async (t) => {
  t.throws(() => chooseVersion('1.52', range), {
    status: 400,
    message: 'client version 1.52 is too new. Maximum supported API version is 1.51',
  });
  for (const version of ['1.23', '1', '0.9', '1.2.3', '9999999.1']) {
    t.throws(() => chooseVersion(version, range), aRefusal(400), version);
  }
  t.throws(() => chooseVersion('1.23', range), {
    message:
      'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
  });
});

void t.test('upstreamVersion() stays as near to the client as the engine can', async (t) => {
  const rows: readonly [string, string, string, string][] = [
    ['1.41', '1.12', '1.50', '1.41'],
    ['1.51', '1.12', '1.41', '1.41'],
    ['1.24', '1.44', '1.52', '1.44'],
    ['1.41', '', '', '1.41'],
  ];
  for (const [version, minApiVersion, apiVersion, expected] of rows) {
    t.equal(upstreamVersion(version, { minApiVersion, apiVersion }), expected);
  }
});

void t.test('compareVersions() compares numbers, not text', async (t) => {
  t.ok(compareVersions('1.9', '1.41') < 0);
  t.ok(isAtLeast('1.42', '1.42'));
  t.notOk(isAtLeast('1.41', '1.42'));
});
