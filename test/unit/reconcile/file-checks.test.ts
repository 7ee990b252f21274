// FileChecks: when the files in containers are compared, and whose copying an engine tells of.
import t from 'tap';
import { checkEveryMs, FileChecks } from '../../../controller/reconcile/file-checks.js';

const at = (nowMs: number, random = 0.5) => ({ nowMs, random: () => random, isSuspect: false });
const changed = [{ path: 'tls/ca.pem', found: 'changed' }] as const;

t.test('isDue() spreads the first comparisons over the period', async (t) => {
  const checks = new FileChecks();
  t.equal(checks.isDue('a', at(0, 0.999)), false);
  t.equal(checks.isDue('b', at(0, 0.1)), false);
  t.equal(checks.isDue('b', at(checkEveryMs * 0.1, 0.9)), true, 'the time was drawn once');
  t.equal(checks.isDue('a', at(checkEveryMs * 0.9)), false);
  t.equal(checks.isDue('a', at(checkEveryMs)), true);
});

t.test('isDue() at once where an earlier process found something', async (t) => {
  t.equal(new FileChecks().isDue('a', { ...at(7), isSuspect: true }), true);
});

t.test('found() puts the next comparison off, never by less than ten minutes', async (t) => {
  const checks = new FileChecks();
  checks.found('a', changed, at(0, 0));
  t.same(checks.changedIn('a'), changed);
  t.equal(checks.isDue('a', at(600_000)), false);
  t.equal(checks.isDue('a', at(checkEveryMs * 0.75)), true);
  checks.found('a', [], at(0, 0.999));
  t.same(checks.changedIn('a'), []);
  t.equal(checks.isDue('a', at(checkEveryMs * 1.24)), false);
  t.equal(checks.isDue('a', at(checkEveryMs * 1.25)), true);
});

t.test('failed() keeps what was found, and has it compared again after a minute', async (t) => {
  const checks = new FileChecks();
  checks.found('a', changed, at(0));
  checks.touched('a', 1_000);
  checks.failed('a', 1_000);
  t.same(checks.changedIn('a'), changed);
  t.equal(checks.isDue('a', at(60_999)), false);
  t.equal(checks.isDue('a', at(61_000)), true);
});

t.test('delivered() ends what was found', async (t) => {
  const checks = new FileChecks();
  checks.found('a', changed, at(0));
  checks.delivering('a', 0);
  t.same(checks.changedIn('a'), changed, 'not before the process has read them');
  checks.delivered('a');
  t.same(checks.changedIn('a'), []);
});

t.test('touched() tells our own copying from that of others', async (t) => {
  const checks = new FileChecks();
  t.equal(checks.touched('a', 0), true, 'nobody of us copied');
  t.equal(checks.isDue('a', at(0)), true);
  checks.found('a', [], at(0));
  checks.delivering('a', 1000);
  t.equal(checks.touched('a', 1500), false);
  t.equal(checks.isDue('a', at(1500)), false);
  t.equal(checks.touched('a', 1600), true, 'we copied once');
  t.equal(checks.isDue('a', at(1600)), true);
  checks.found('a', [], at(2000));
  checks.delivering('a', 2000);
  t.equal(checks.touched('a', 20_000), true, 'our own was not told of: its connection was down');
});

t.test('forget() a container that is gone', async (t) => {
  const checks = new FileChecks();
  checks.found('a', changed, at(0));
  checks.forget('a');
  t.same(checks.changedIn('a'), []);
});
