// The filters of docker events.
import t from 'tap';
import { eventPredicate } from '../../../controller/manager/event-filter.js';

const start = {
  Type: 'container',
  Action: 'start',
  scope: 'local',
  Actor: {
    ID: 'abcdef123456'.padEnd(64, '0'),
    Attributes: { image: 'busybox:latest', name: 'web', env: 'prod', 'node.name': 'n1', 'node.id': 'ID-n1' },
  },
};
const exec = { ...start, Action: 'exec_create: sh -c true' };
const pull = { Type: 'image', Action: 'pull', Actor: { ID: 'redis:7', Attributes: { name: 'redis' } } };
const connect = {
  Type: 'network',
  Action: 'connect',
  Actor: { ID: 'net1', Attributes: { name: 'front', container: 'abc' } },
};

void t.test('eventPredicate() follows the rules of the engine', async (t) => {
  const rows: readonly [Record<string, string[]>, object, boolean][] = [
    [{}, start, true],
    [{ type: ['container'] }, start, true],
    [{ type: ['network'] }, start, false],
    [{ type: ['network', 'container'] }, start, true],
    [{ event: ['start'] }, start, true],
    [{ event: ['exec_create'] }, exec, true],
    [{ event: ['exec'] }, exec, false],
    [{ container: ['web'] }, start, true],
    [{ container: ['n1/web'] }, start, true],
    [{ container: ['abcdef123456'] }, start, true],
    [{ container: ['abc'] }, start, true],
    [{ container: ['bcd'] }, start, false],
    [{ container: ['we'] }, start, true],
    [{ container: ['eb'] }, start, false],
    [{ container: ['n1/we'] }, start, true],
    [{ container: ['n2/web'] }, start, false],
    [{ container: ['web'] }, connect, false],
    [{ network: ['front'] }, connect, true],
    [{ network: ['fr'] }, connect, true],
    [{ image: ['busybox'] }, start, true],
    [{ image: ['busybox:latest'] }, start, true],
    [{ image: ['busybox:1'] }, start, false],
    [{ image: ['busy'] }, start, false],
    [{ image: ['redis:7'] }, pull, true],
    [{ image: ['redis'] }, pull, true],
    [{ image: ['redis:6'] }, pull, false],
    [{ image: ['redis'] }, start, false],
    [{ label: ['env'] }, start, true],
    [{ label: ['env=prod'] }, start, true],
    [{ label: ['env=test'] }, start, false],
    [{ node: ['n1'] }, start, true],
    [{ node: ['n2'] }, start, false],
    [{ scope: ['local'] }, start, true],
    [{ scope: ['swarm'] }, start, false],
    [{ type: ['container'], event: ['die'] }, start, false],
  ];
  for (const [filters, event, expected] of rows) {
    const matches = eventPredicate(new Map(Object.entries(filters)));
    t.equal(
      matches({ ...event }),
      expected,
      `${JSON.stringify(filters)} on ${JSON.stringify(event).slice(0, 40)}`,
    );
  }
});
