// Health book-keeping, the classic rules.
import t from 'tap';
import { SwarmError, type ErrorCode } from '../../../controller/base/errors.js';
import {
  afterContact,
  afterFailure,
  healthIndicator,
  isConnectionFailure,
  type Health,
} from '../../../controller/engine/engine-health.js';

const healthy: Health = { state: 'healthy', failures: 0, updatedAtMs: 0 };
const fail = (health: Health): Health =>
  afterFailure(health, { error: { message: 'down', code: 'ENGINE_TIMEOUT' }, nowMs: 5, failureRetry: 3 });

void t.test('afterFailure() flags a healthy engine at the third failure in a row', async (t) => {
  const once = fail(healthy);
  t.same(once, { state: 'healthy', failures: 1, error: 'down', errorCode: 'ENGINE_TIMEOUT', updatedAtMs: 5 });
  t.equal(fail(once).state, 'healthy');
  t.match(fail(fail(once)), { state: 'unhealthy', failures: 3 });
});

void t.test('afterFailure() counts on for a pending engine without flagging it', async (t) => {
  t.match(fail(fail(fail({ ...healthy, state: 'pending' }))), { state: 'pending', failures: 3 });
});

void t.test('afterContact() forgets failures and error but not the state', async (t) => {
  t.same(afterContact(fail(healthy), 7), { state: 'healthy', failures: 0, updatedAtMs: 7 });
});

for (const [failures, state, expected] of [
  [0, 'healthy', 100],
  [1, 'healthy', 66],
  [2, 'healthy', 33],
  [3, 'healthy', 0],
  [0, 'unhealthy', 0],
  [0, 'pending', 0],
] as const)
  void t.test(`healthIndicator() of ${state} with ${failures} failures is ${expected}`, async (t) => {
    t.equal(healthIndicator({ state, failures, updatedAtMs: 0 }, 3), expected);
  });

void t.test('isConnectionFailure() counts what keeps us from the engine, not its answers', async (t) => {
  const counts = (code: ErrorCode): boolean => isConnectionFailure(new SwarmError(code, 'x'));
  t.ok(counts('ENGINE_UNREACHABLE') && counts('ENGINE_TIMEOUT') && counts('ENGINE_CLIENT_REJECTED'));
  t.notOk(counts('ENGINE_ERROR') || counts('OBJECT_NOT_FOUND') || counts('ABORTED'));
  t.notOk(isConnectionFailure(new Error('ECONNREFUSED')));
});
