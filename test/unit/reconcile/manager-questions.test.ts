// ManagerQuestions: managers that hang are waited for apart from everything else.
import t from 'tap';
import { SwarmError } from '../../../controller/base/errors.js';
import type { ManagerView } from '../../../controller/reconcile/fleet.js';
import { ManagerQuestions } from '../../../controller/reconcile/manager-questions.js';
import type { ManagerQuestion } from '../../../controller/reconcile/outside.js';
import { FakeClock } from '../../support/fake-clock.js';

const serving: ManagerView = { type: 'serving', engines: new Map() };
const silent: ManagerView = { type: 'silent', error: new SwarmError('TIMEOUT', 'no answer in 5 s') };
const address = (number: number) => ({ host: `10.0.0.${number}`, port: 3376 });
const manager = (number: number) => ({ node: `n${number}`, address: address(number), tls: undefined });
const none = new Map<string, ManagerView>();

function aWorld() {
  const clock = new FakeClock();
  const asked: ManagerQuestion[] = [];
  const answers: ((view: ManagerView) => void)[] = [];
  const late: string[] = [];
  const questions = new ManagerQuestions({
    clock,
    outside: {
      askManager: (question) => {
        asked.push(question);
        // The real one ends when it is given up, too.
        question.signal.addEventListener('abort', () => answers[asked.indexOf(question)]?.(silent));
        return new Promise((resolve) => answers.push(resolve));
      },
    },
    onLate: (cluster) => late.push(cluster),
  });
  const { signal } = new AbortController();
  const ask = (
    managers: readonly ReturnType<typeof manager>[],
    before: ReadonlyMap<string, ManagerView> = none,
  ) => questions.ask('demo', managers, { before, signal });
  return { clock, asked, answers, late, questions, ask };
}

t.test('ask() returns as soon as all have answered', async (t) => {
  const { ask, answers, asked } = aWorld();
  const views = ask([manager(1), manager(2)]);
  answers[0]?.(serving);
  answers[1]?.(silent);
  t.same(
    [...(await views)],
    [
      ['n1', serving],
      ['n2', silent],
    ],
  );
  const again = ask([manager(1)]);
  answers[2]?.(serving);
  t.same([...(await again)], [['n1', serving]], 'and asks again each time');
  t.equal(asked.length, 3);
});

t.test('ask() goes on with what a hanging manager said before, and tells when it has answered', async (t) => {
  const { ask, answers, asked, clock, late } = aWorld();
  const views = ask([manager(1), manager(2), manager(3)], new Map([['n2', serving]]));
  answers[0]?.(silent);
  await clock.advance(200);
  t.same(
    [...(await views)],
    [
      ['n1', silent],
      ['n2', serving],
    ],
  );
  const second = ask([manager(2)], new Map([['n2', serving]]));
  await clock.advance(200);
  t.same([...(await second)], [['n2', serving]]);
  t.equal(asked.length, 3, 'it is not asked again meanwhile');
  t.same(late, []);
  answers[1]?.(silent);
  await clock.advance(0);
  t.same(late, ['demo']);
  t.same([...(await ask([manager(2)], new Map([['n2', serving]])))], [['n2', silent]]);
  t.equal(asked.length, 3, 'the late answer is the answer');
});

t.test('ask() gives a question up whose manager is somewhere else or no more', async (t) => {
  const { ask, asked, clock, late, answers } = aWorld();
  const views = ask([manager(1), manager(2)]);
  await clock.advance(200);
  await views;
  const moved = ask([{ ...manager(1), address: address(9) }]);
  t.same(
    asked.map(({ signal }) => signal.aborted),
    [true, true, false],
  );
  answers[2]?.(serving);
  t.same([...(await moved)], [['n1', serving]]);
  t.same(late, []);
});

t.test('ask() ends with the run it is part of; the question goes on', async (t) => {
  const { questions, asked } = aWorld();
  const run = new AbortController();
  const views = questions.ask('demo', [manager(1)], { before: none, signal: run.signal });
  run.abort(new Error('over'));
  await t.rejects(views, /over/);
  t.equal(asked[0]?.signal.aborted, false);
  await t.rejects(questions.ask('demo', [manager(1)], { before: none, signal: run.signal }), /over/);
});

t.test('close() gives up what is asked, and waits for its end', async (t) => {
  const { ask, asked, clock, questions, late } = aWorld();
  const views = ask([manager(1)]);
  await clock.advance(200);
  await views;
  await questions.close();
  t.equal(asked[0]?.signal.aborted, true);
  t.same(late, []);
  await questions.close();
});

t.test('ask() takes what a manager said before when the question is given up', async (t) => {
  const { ask, questions } = aWorld();
  const views = ask([manager(1), manager(2)], new Map([['n1', serving]]));
  await questions.close();
  t.same([...(await views)], [['n1', serving]]);
});
