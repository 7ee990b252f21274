// SIGHUP and programs that are still reading their files.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { Hangup } from '../../../cmd/swarm/hangup.js';
import { SwarmEnvironment } from '../../support/swarm-environment.js';
import { runProgram } from '../../../cmd/swarm/program.js';

t.test('Hangup answers signals that came before anybody listened, once', async (t) => {
  const environment = new SwarmEnvironment();
  const hangup = new Hangup(environment.signals);
  environment.hangup();
  environment.hangup();
  let answers = 0;
  hangup.listen(() => (answers += 1));
  t.equal(answers, 1);
  environment.hangup();
  t.equal(answers, 2);
});

t.test('Hangup answers nothing that did not come', async (t) => {
  const hangup = new Hangup(new SwarmEnvironment().signals);
  hangup.listen(() => t.fail('nobody sent a signal'));
});

for (const command of ['manage', 'join']) {
  t.test(`swarm ${command} reads its files again when a signal came while it read them`, async (t) => {
    const environment = new SwarmEnvironment();
    const file = path.join(t.testdir(), 'discovery');
    await writeFile(file, 'nodes://10.0.0.1:1\n');
    const args =
      command === 'manage'
        ? ['--host', 'tcp://127.0.0.1:0']
        : ['--advertise', '10.0.0.1:1', '--heartbeat', '1s'];
    let isListening = (): void => undefined;
    const listening = new Promise<void>((resolve) => (isListening = resolve));
    const { signals } = environment;
    const ended = runProgram([command, ...args, '--discovery-file', file], {
      stdout: environment.stdout,
      stderr: environment.stderr,
      random: environment.random,
      clock: environment.clock,
      env: environment.env,
      isTty: environment.isTty,
      version: environment.version,
      signals: {
        onTerminate: (callback) => signals.onTerminate(callback),
        onHangup: (callback) => {
          signals.onHangup(callback);
          callback();
          isListening();
        },
      },
    });
    await listening;
    const text = command === 'manage' ? 'TLS files reloaded' : 'Read the TLS files again';
    for (let turns = 0; turns < 10_000 && !(environment.out + environment.err).includes(text); turns += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    t.match(environment.out + environment.err, text);
    environment.terminate();
    environment.clock.advance(20_000);
    await ended;
  });
}
