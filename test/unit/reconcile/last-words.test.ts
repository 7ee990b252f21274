// The last line of a container that does not stay up.
import t from 'tap';
import { lastWordsOf } from '../../../controller/reconcile/last-words.js';
import type { ObservedContainer } from '../../../controller/plan/observation.js';

const { signal } = new AbortController();
const container = (name: string, state: string): ObservedContainer => ({
  ...{ id: name, name, state, image: 'swarm:1', labels: {} },
  ...{ exitCode: 1, error: '', restartCount: 4 },
});

t.test('lastWordsOf() says the same for the same failure at another time', async (t) => {
  const logs: Record<string, string> = {
    join: 'time="2026-01-01T00:00:00Z" level=fatal msg="--advertise is wrong"\n',
    manage: 'plain words\n',
    silent: '\n',
  };
  const words = await lastWordsOf(
    { containerLogs: async (id) => logs[id] ?? '' },
    [...Object.keys(logs).map((name) => container(name, 'restarting')), container('other', 'running')],
    signal,
  );
  t.same(
    [...words],
    [
      ['join', '--advertise is wrong'],
      ['manage', 'plain words'],
    ],
  );
});

t.test('lastWordsOf() has nothing to say where the engine does not tell', async (t) => {
  const containerLogs = (): Promise<string> => Promise.reject(new Error('no such container'));
  t.equal((await lastWordsOf({ containerLogs }, [container('join', 'exited')], signal)).size, 0);
});

t.test('lastWordsOf() takes the message out of a log line, and secrets out of the message', async (t) => {
  const wordsOf = async (line: string) =>
    (await lastWordsOf({ containerLogs: async () => line }, [container('join', 'exited')], signal)).get(
      'join',
    );
  t.equal(
    await wordsOf('level=fatal msg="listen \\"tcp://:3377\\": address in use" hint="Free it"\n'),
    'listen "tcp://:3377": address in use',
  );
  t.equal(await wordsOf('level=fatal msg="cut off'), 'level=fatal msg="cut off');
  t.notMatch(await wordsOf(`level=error msg="token://h:1/${'a1'.repeat(16)}"`), /a1a1/);
});
