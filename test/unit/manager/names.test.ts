// Container names reserved for the whole cluster.
import t from 'tap';
import { createNameTable } from '../../../controller/manager/name-table.js';
import { findContainer, findReachableContainer } from '../../../controller/manager/find-container.js';
import { aContainer, anEngine, aView, aRefusal } from './builders.js';

const n1 = anEngine({ name: 'n1' });
const n2 = anEngine({ name: 'n2', state: 'unhealthy' });

void t.test('reserve() gives a name to one claimant at a time', async (t) => {
  const names = createNameTable(
    aView({ containers: [aContainer({ engine: n1, name: 'web', id: 'w'.repeat(64) })] }),
  );
  const release = names.reserve('db', 'first');
  t.throws(() => names.reserve('/db', 'second'), {
    status: 409,
    message:
      'Conflict. The container name "/db" is already in use by container "first". You have to remove (or rename) that container to be able to reuse that name.',
  });
  release();
  release();
  names.reserve('db', 'second');
  t.throws(() => names.reserve('web', 'third'), { status: 409, message: new RegExp('w'.repeat(64)) });
  t.doesNotThrow(() => {
    names.reserve('', 'a');
    names.reserve('', 'b');
  }, 'a container without a name conflicts with none');
});

void t.test('reserve() finds holders on engines that do not answer', async (t) => {
  const names = createNameTable(aView({ containers: [aContainer({ engine: n2, name: 'web' })] }));
  t.throws(() => names.reserve('web', 'x'), aRefusal(409));
});

void t.test('reserve() does not take an ID for a name', async (t) => {
  const id = 'abc'.padEnd(64, '0');
  const names = createNameTable(aView({ containers: [aContainer({ engine: n1, name: 'web', id })] }));
  t.doesNotThrow(() => names.reserve(id, 'x'));
});

void t.test('findContainer() answers 404 and 409 in words that clients match', async (t) => {
  const view = aView({
    containers: [aContainer({ engine: n1, name: 'web' }), aContainer({ engine: n2, name: 'web' })],
  });
  t.throws(() => findContainer(view, 'nope'), { status: 404, message: 'No such container: nope' });
  t.throws(() => findContainer(view, 'web'), {
    status: 409,
    message: 'Cannot choose container "web": it is ambiguous, name one of n1/web, n2/web',
  });
  t.equal(findContainer(view, 'n1/web').engine, n1);
});

void t.test('findReachableContainer() refuses at once what is on an unhealthy engine', async (t) => {
  const view = aView({ containers: [aContainer({ engine: n2, name: 'web' })] });
  t.throws(() => findReachableContainer(view, 'web'), {
    status: 503,
    message: 'Container web running on unhealthy node n2',
  });
});
