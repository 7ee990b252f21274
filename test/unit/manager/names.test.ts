// Container names reserved for the whole cluster.
import t from 'tap';
import { createNameTable } from '../../../controller/manager/name-table.js';
import { findUnseenHolder } from '../../../controller/manager/unseen-names.js';
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

void t.test('reserve() knows names on engines that have not answered yet', async (t) => {
  const pending = anEngine({ name: '', id: '', state: 'pending', address: 'n3:2376' });
  const saved = [
    { id: 'gone', name: 'web', engine: { address: 'n9:2376' } },
    { id: 'lost', name: 'web', engine: { address: 'n3:2376' } },
    { id: 'owed', name: 'old', engine: { address: 'n3:2376' } },
    { id: 'seen', name: 'app', engine: { address: n1.address } },
  ];
  const namesOn = (engines: readonly (typeof n1)[]): ReturnType<typeof createNameTable> => {
    const cluster = aView({ engines });
    return createNameTable(cluster, (name) =>
      findUnseenHolder(name, { cluster, saved: { list: () => saved }, isRemoved: (id) => id === 'owed' }),
    );
  };
  const names = namesOn([n1, pending]);
  t.throws(() => names.reserve('web', 'x'), { status: 409, message: /in use by container "lost"/ });
  t.doesNotThrow(() => names.reserve('web', 'x', { except: 'lost' })(), 'by itself, when it moves');
  t.doesNotThrow(() => names.reserve('old', 'x'), 'it goes as soon as its engine answers');
  t.doesNotThrow(() => names.reserve('app', 'x'), 'an engine that answered says itself what it has');
  t.doesNotThrow(() => namesOn([n1, n2]).reserve('web', 'x'), 'its engine left');
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
