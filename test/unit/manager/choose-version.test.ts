// Which version a client is answered in, and which are refused.
import t from 'tap';
import { chooseVersion } from '../../../controller/manager/choose-version.js';
import { aRefusal } from './builders.js';

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
