// Answers to /version that engines of one build share.
import t from 'tap';
import { VersionAnswers } from '../../../controller/engine/version-answers.js';
import { FakeClock } from '../../support/fake-clock.js';

const info = { ServerVersion: '28.2.2', KernelVersion: '6.1.0', OSType: 'linux' };

void t.test('VersionAnswers asks the first engine of each build', async (t) => {
  const versions = new VersionAnswers(new FakeClock());
  let asked = 0;
  const ask = (): Promise<unknown> => Promise.resolve({ asked: (asked += 1) });
  t.same(await versions.answerFor(info, ask), { asked: 1 });
  t.same(await versions.answerFor({ ...info, Name: 'other' }, ask), { asked: 1 });
  t.same(await versions.answerFor({ ...info, ServerVersion: '29.0.0' }, ask), { asked: 2 });
  t.same(await versions.answerFor({ ...info, RuncCommit: { ID: 'x' } }, ask), { asked: 3 });
  await versions.note(info, ask());
  t.same(await versions.answerFor(info, ask), { asked: 4 }, 'what an engine said itself later');
});

void t.test('VersionAnswers lets nobody wait for an engine that fails or hangs', async (t) => {
  const clock = new FakeClock();
  const versions = new VersionAnswers(clock);
  await t.rejects(
    versions.answerFor(info, () => Promise.reject(new Error('down'))),
    /down/,
  );
  void versions.answerFor(info, () => new Promise(() => undefined));
  const other = versions.answerFor(info, () => Promise.resolve('mine'));
  await clock.advance(251);
  t.equal(await other, 'mine');
});
