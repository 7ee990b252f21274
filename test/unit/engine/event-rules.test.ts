// Which event makes what stale.
import t from 'tap';
import type { JsonObject } from '../../../controller/base/json.js';
import { staleIn, stalenessOf, type Staleness } from '../../../controller/engine/event-rules.js';

const container = (reservations = false): Staleness => ({ type: 'container', id: 'x', reservations });
const state: Staleness = { type: 'state', id: 'x' };
const nothing: Staleness = { type: 'nothing' };

const cases: readonly (readonly [string, string, Staleness])[] = [
  ['container', 'create', { type: 'made', id: 'x' }],
  ['container', 'start', state],
  ['container', 'die', state],
  ['container', 'oom', state],
  ['container', 'rename', { type: 'renamed', id: 'x' }],
  ['container', 'health_status: healthy', state],
  ['container', 'pause', state],
  ['container', 'something new', container()],
  ['container', 'update', container(true)],
  ['container', 'destroy', { type: 'gone', id: 'x' }],
  ['container', 'commit', { type: 'images' }],
  ['container', 'exec_create: sh -c true', nothing],
  ['container', 'exec_die', nothing],
  ['container', 'attach', nothing],
  ['container', 'archive-path', nothing],
  ['image', 'pull', { type: 'images' }],
  ['image', 'untag', { type: 'images' }],
  ['image', 'push', nothing],
  ['network', 'create', { type: 'networks' }],
  ['network', 'destroy', { type: 'networks' }],
  ['volume', 'create', { type: 'volumes' }],
  ['volume', 'mount', nothing],
  ['daemon', 'reload', { type: 'specs' }],
  ['daemon', 'shutdown', nothing],
  ['builder', 'prune', nothing],
];

for (const [type, action, expected] of cases)
  void t.test(`stalenessOf() a ${type} ${action}`, async (t) => {
    t.same(stalenessOf({ Type: type, Action: action, Actor: { ID: 'x' } }), expected);
  });

void t.test('stalenessOf() a container joining a network reads the container', async (t) => {
  const event = { Type: 'network', Action: 'connect', Actor: { ID: 'net', Attributes: { container: 'x' } } };
  t.same(stalenessOf(event), container());
  t.same(stalenessOf({ ...event, Actor: { ID: 'net' } }), nothing);
});

void t.test('stalenessOf() events of engines that name no type goes by their status', async (t) => {
  t.same(stalenessOf({ status: 'start', id: 'x' }), state);
});

void t.test('staleIn() reads each container once, and of one that is gone nothing', async (t) => {
  const event = (Action: string, ID: string, Type = 'container'): JsonObject => ({
    Type,
    Action,
    Actor: { ID },
  });
  const actions = [
    ['create', 'new'],
    ['start', 'new'],
    ['start', 'short'],
    ['rename', 'short'],
    ['update', 'short'],
    ['destroy', 'short'],
    ['rename', 'other'],
    ['update', 'limited'],
  ] as const;
  t.same(
    staleIn([
      ...actions.map(([action, id]) => event(action, id)),
      event('pull', 'i', 'image'),
      event('reload', 'd', 'daemon'),
    ]),
    {
      gone: new Set(['short']),
      read: new Set(['new', 'other', 'limited']),
      made: new Set(['new']),
      renamed: new Set(['other']),
      updated: new Set(['limited']),
      kinds: new Set(['images']),
      areSpecsStale: true,
    },
  );
  t.match(staleIn([]), { read: new Set(), areSpecsStale: false });
});
