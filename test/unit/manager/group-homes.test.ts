// Where the networks and volumes of a project go.
import t from 'tap';
import { GroupHomes, groupOf } from '../../../controller/manager/placement/group-homes.js';
import { FakeClock } from '../../support/fake-clock.js';
import { anEngine, anObject, aRefusal, aView, type ViewParts } from './builders.js';

const n1 = anEngine({ name: 'n1' });
const n2 = anEngine({ name: 'n2' });
const labels = { 'com.docker.compose.project': 'shop' };
const shop = 'com.docker.compose.project=shop';
const homesOf = (parts: ViewParts, clock = new FakeClock()): GroupHomes =>
  new GroupHomes({ cluster: aView({ engines: [n1, n2], ...parts }), clock });

void t.test('groupOf() knows the labels of compose, stacks and testcontainers', async (t) => {
  t.equal(groupOf(labels), shop);
  t.equal(groupOf({ 'com.docker.stack.namespace': 's' }), 'com.docker.stack.namespace=s');
  t.equal(groupOf({ 'org.testcontainers.session-id': 'x' }), 'org.testcontainers.session-id=x');
  t.equal(groupOf({ 'com.docker.compose.project': '', other: 'x' }), undefined);
});

void t.test('find() is where most of the local networks and volumes are', async (t) => {
  const local = { Labels: labels, Scope: 'local' };
  const networks = [
    anObject(n1, 'a', local),
    anObject(n2, 'b', { Labels: labels, Scope: 'swarm' }),
    anObject(n2, 'c', { Labels: null, Scope: 'local' }),
  ];
  t.equal(homesOf({ networks }).find(shop), n1);
  const volumes = [anObject(n2, 'v', local), anObject(n2, 'w', local)];
  t.equal(homesOf({ networks, volumes }).find(shop), n2);
  t.equal(homesOf({}).find(shop), undefined);
  const dead = anEngine({ name: 'n1', state: 'unhealthy' });
  t.throws(() => homesOf({ volumes: [anObject(dead, 'v', local)] }).find(shop), aRefusal(503));
});

void t.test('expect() holds a place until the first container, or for two minutes', async (t) => {
  const clock = new FakeClock();
  const homes = homesOf({}, clock);
  const released: string[] = [];
  const place = (name: string): { release: () => void } => ({ release: () => void released.push(name) });
  homes.expect(shop, n1, place('first'));
  homes.expect(shop, n1);
  t.equal(homes.find(shop), n1);
  t.same(released, [], 'the second object of the project changes nothing');
  homes.arrived(shop);
  homes.arrived(shop);
  t.same(released, ['first']);
  t.equal(homes.find(shop), n1);
  await clock.advance(120_000);
  t.equal(homes.find(shop), undefined);
  homes.expect(shop, n2, place('second'));
  await clock.advance(120_000);
  t.same(released, ['first', 'second']);
  homes.expect(shop, n2);
  homes.close();
  homes.close();
  t.equal(homes.find(shop), undefined);
});
