// LookMemory: when the last look at an engine will do, and how much of it the next one can take over.
import t from 'tap';
import type { ObservedContainer } from '../../../controller/plan/observation.js';
import type { EngineReading } from '../../../controller/reconcile/observe-engine.js';
import { LookMemory } from '../../../controller/reconcile/look-memory.js';

const join: ObservedContainer = {
  ...{ id: 'id-join', name: 'swarm-c-join', state: 'running', image: 'swarm:1', labels: {}, fields: {} },
  ...{ exitCode: 0, error: '', restartCount: 0 },
};
const image = { reference: 'swarm:1', found: { id: 'sha256:1', config: {} } };
const engine = { id: 'E1' } as EngineReading['engine']; // only handed on
const now = { nowMs: 1000, names: ['swarm-c-join'], image: 'swarm:1', generation: 1 } as const;

function readingOf(containers: readonly ObservedContainer[] = [join]): EngineReading {
  return { engine, image, observation: { engineId: 'E1', containers, images: ['swarm:1'] } };
}

function looked(memory: LookMemory, reading = readingOf(), beganMs = 1000): void {
  const known = memory.known({ nowMs: beganMs, isAfterActing: false });
  memory.begin();
  memory.end({ beganMs, reading, names: now.names, generation: 1 }, known);
}

function event(Action: string, ID = 'id-join'): Record<string, unknown> {
  return { Action, Actor: { ID } };
}

t.test('isCurrent() takes a look that began while events came in', (t) => {
  const memory = new LookMemory();
  t.notOk(memory.isCurrent(now), 'nobody has looked');
  looked(memory);
  t.notOk(memory.isCurrent(now), 'what happened since would not have rung');
  memory.opened();
  t.notOk(memory.isCurrent(now), 'the events began after the look');
  looked(memory);
  t.ok(memory.isCurrent(now));
  t.ok(memory.isCurrent({ ...now, nowMs: 5000 }));
  t.notOk(memory.isCurrent({ ...now, nowMs: 5001 }), 'too long ago');
  t.notOk(memory.isCurrent({ ...now, names: ['swarm-c-join', 'swarm-c-manage'] }), 'another name');
  t.notOk(memory.isCurrent({ ...now, image: 'swarm:2' }), 'another image');
  t.notOk(memory.isCurrent({ ...now, generation: 2 }), 'the manifest changed');
  memory.begin();
  t.notOk(memory.isCurrent(now), 'the newest look has not ended, or has failed');
  memory.end({ beganMs: 1000, reading: readingOf(), names: now.names, generation: 1 });
  memory.closed();
  t.notOk(memory.isCurrent(now), 'the events ended');
  memory.opened();
  t.notOk(memory.isCurrent(now), 'some may have been lost');
  looked(memory);
  memory.forget();
  t.notOk(memory.isCurrent(now), 'somebody knows better');
  t.end();
});

t.test('isCurrent() ignores events of what the look has seen, and no other', (t) => {
  const cases: readonly (readonly [Record<string, unknown>, boolean])[] = [
    [event('create'), true],
    [event('start'), true],
    [event('create', 'id-other'), false],
    [event('start', 'id-other'), false],
    [event('die'), false],
    [event('stop'), false],
    [event('destroy'), false],
    [event('pause'), false],
    [event('rename'), false],
    [event('update'), false],
    [event('oom'), false],
    [{}, false],
  ];
  for (const [heard, isCurrent] of cases) {
    const memory = new LookMemory();
    memory.opened();
    looked(memory);
    memory.heard(heard);
    t.equal(memory.isCurrent(now), isCurrent, JSON.stringify(heard));
    looked(memory);
    t.ok(memory.isCurrent(now), 'a look sees what was heard before it');
  }
  t.end();
});

t.test('isCurrent() does not take a start for seen where the look saw no running container', (t) => {
  for (const state of ['created', 'exited', 'paused', 'restarting'] as const) {
    const memory = new LookMemory();
    memory.opened();
    looked(memory, readingOf([{ ...join, state }]));
    memory.heard(event('start'));
    t.notOk(memory.isCurrent(now), state);
  }
  t.end();
});

t.test('isCurrent() counts what is heard while a look is under way', (t) => {
  const memory = new LookMemory();
  memory.opened();
  memory.begin();
  memory.heard(event('die'));
  memory.end({ beganMs: 1000, reading: readingOf(), names: now.names, generation: 1 });
  t.notOk(memory.isCurrent(now), 'the look may have been before it');
  memory.begin();
  for (let count = 0; count < 17; count += 1) memory.heard(event('start'));
  memory.end({ beganMs: 1000, reading: readingOf(), names: now.names, generation: 1 });
  t.notOk(memory.isCurrent(now), 'so many are no echo');
  t.end();
});

t.test('known() spares asking again who the engine is, for a while', (t) => {
  const memory = new LookMemory();
  t.equal(memory.known({ nowMs: 0, isAfterActing: true }), undefined);
  looked(memory, readingOf(), 0);
  t.equal(memory.known({ nowMs: 0, isAfterActing: false }), undefined, 'another may answer there by now');
  t.same(memory.known({ nowMs: 0, isAfterActing: true }), { engine, image, describedMs: 0 });
  memory.opened();
  t.same(memory.known({ nowMs: 10_000, isAfterActing: false }), { engine, image, describedMs: 0 });
  looked(memory, readingOf(), 9000);
  t.ok(memory.known({ nowMs: 10_000, isAfterActing: false }));
  t.equal(
    memory.known({ nowMs: 10_001, isAfterActing: false }),
    undefined,
    'the time counts from when it was asked, not from the last look',
  );
  t.end();
});
