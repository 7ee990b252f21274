// ServiceQuestions: token services are asked beside everything else, rarely, and twice before anything is told.
import t from 'tap';
import { SwarmError } from '../../../controller/base/errors.js';
import { ServiceQuestions, type ServiceQuestion } from '../../../controller/reconcile/service-questions.js';
import { FakeClock } from '../../support/fake-clock.js';

const failure = (text = 'no answer') => new SwarmError('DISCOVERY_FAILED', text);

function aWorld() {
  const clock = new FakeClock();
  const rung: string[] = [];
  const questions = new ServiceQuestions({ clock, onAnswer: (cluster) => rung.push(cluster) });
  const asked: { readonly name: string; readonly signal: AbortSignal }[] = [];
  const answers: ((error: SwarmError | undefined) => void)[] = [];
  const service = (name: string, node: string | undefined = 'n1'): ServiceQuestion => ({
    ...{ name, node },
    ask: (signal) => {
      const number = asked.push({ name, signal }) - 1;
      return new Promise((resolve) => {
        answers[number] = resolve;
        // The real one ends when it is given up, too.
        signal.addEventListener('abort', () => resolve(failure('given up')));
      });
    },
  });
  const look = (...names: readonly string[]) =>
    questions.look(
      'demo',
      names.map((name) => service(name)),
    );
  const answer = async (number: number, error?: SwarmError): Promise<void> => {
    answers[number]?.(error);
    await clock.advance(0);
  };
  return { clock, rung, questions, asked, look, answer };
}

t.test('look() asks at once, waits for nobody, and asks again after 30 s', async (t) => {
  const { clock, rung, asked, look, answer } = aWorld();
  t.same(look('a'), [{ name: 'a', node: 'n1', isServing: undefined }]);
  look('a');
  t.equal(asked.length, 1, 'one question at a time');
  await answer(0);
  t.same(rung, [], 'what everybody expects is no news');
  t.same(look('a'), [{ name: 'a', node: 'n1', isServing: true }]);
  await clock.advance(29_999);
  look('a');
  t.equal(asked.length, 1);
  await clock.advance(1);
  look('a');
  t.equal(asked.length, 2);
  await answer(1);
  t.same(rung, []);
});

t.test('look() tells of a service after two failures in a row, and of the first answer after', async (t) => {
  const { clock, rung, asked, look, answer, questions } = aWorld();
  look('a');
  await answer(0);
  await clock.advance(30_000);
  look('a');
  await answer(1, failure());
  t.equal(rung.length, 1, 'somebody must come back for the second question');
  t.equal(questions.isDoubtful('demo'), true);
  t.match(look('a'), [{ isServing: true }], 'what it said before counts');
  t.equal(asked.length, 2, 'not at once');
  await clock.advance(5000);
  look('a');
  await answer(2, failure());
  t.equal(rung.length, 2);
  t.equal(questions.isDoubtful('demo'), false);
  t.match(look('a'), [{ isServing: false, error: { message: 'no answer' } }]);
  await clock.advance(5000);
  look('a');
  await answer(3, failure());
  t.equal(rung.length, 2, 'the same failure again is no news');
  await clock.advance(5000);
  look('a');
  await answer(4, failure('500'));
  t.equal(rung.length, 3, 'other words are');
  t.match(look('a'), [{ error: { message: '500' } }]);
  await clock.advance(5000);
  look('a');
  await answer(5);
  t.equal(rung.length, 4);
  t.same(look('a'), [{ name: 'a', node: 'n1', isServing: true }]);
});

t.test('look() does not know of a service that never answered until it failed twice', async (t) => {
  const { clock, look, answer } = aWorld();
  look('a');
  await answer(0, failure());
  t.match(look('a'), [{ isServing: undefined }]);
  await clock.advance(5000);
  look('a');
  await answer(1, failure());
  t.match(look('a'), [{ isServing: false }]);
});

t.test('look() keeps services apart, and forgets those that are no more', async (t) => {
  const { asked, rung, look, answer } = aWorld();
  look('a', 'b');
  await answer(1);
  t.match(look('a', 'b'), [
    { name: 'a', isServing: undefined },
    { name: 'b', isServing: true },
  ]);
  t.match(look('b'), [{ name: 'b', isServing: true }]);
  t.equal(asked[0]?.signal.aborted, true, 'its question is given up');
  await answer(0);
  t.same(rung, [], 'and its answer nobody hears');
  t.match(look('a', 'b'), [{ name: 'a', isServing: undefined }, { name: 'b' }], 'it begins anew');
  t.equal(asked.length, 3);
});

t.test('forget() and close() give up what is asked', async (t) => {
  const { asked, rung, look, questions } = aWorld();
  look('a');
  questions.forget('demo');
  t.equal(asked[0]?.signal.aborted, true);
  look('a');
  await questions.close();
  t.equal(asked[1]?.signal.aborted, true);
  t.same(rung, []);
  t.equal(questions.isDoubtful('demo'), false);
  await questions.close();
});
