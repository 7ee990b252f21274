// Which answers are known by their bytes.
import t from 'tap';
import { UsualAnswers } from '../../../controller/engine/usual-answers.js';

const date = 'Mon, 23 Nov 2026 03:43:18 GMT';
const answer = (given = date, server = 'Docker'): Buffer =>
  Buffer.from(
    `HTTP/1.1 200 OK\r\nServer: ${server}\r\nDate: ${given}\r\nContent-Length: 2\r\n\r\nOK`,
    'latin1',
  );
const isKnown = (usual: UsualAnswers, bytes: Buffer): boolean => usual.has(bytes, bytes.length);

void t.test('UsualAnswers.has() allows another date and nothing else', (t) => {
  const usual = new UsualAnswers();
  t.notOk(isKnown(usual, answer()));
  usual.learn(answer());
  const known = answer();
  t.ok(isKnown(usual, known));
  t.ok(isKnown(usual, answer('Tue, 01 Dec 2026 23:59:59 GMT')));
  t.ok(usual.has(Buffer.concat([known, Buffer.from('what was read before')]), known.length));
  for (let at = 0; at < known.length; at += 1) {
    const other = Buffer.from(known);
    // Neither a letter, nor a digit, nor what stands between those of a date.
    other[at] = 0x0d;
    t.equal(isKnown(usual, other), other.equals(known), `another byte at ${at}`);
  }
  t.notOk(isKnown(usual, known.subarray(0, -1)));
  t.notOk(isKnown(usual, Buffer.concat([known, known])));
  t.notOk(isKnown(usual, answer(date, 'Dockor')));
  t.end();
});

void t.test('UsualAnswers.learn() keeps a few, without a date too, and none that is long', (t) => {
  const usual = new UsualAnswers();
  const dateless = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK');
  usual.learn(dateless);
  t.ok(isKnown(usual, dateless));
  t.notOk(isKnown(usual, Buffer.from(dateless.toString().replace('OK\r', 'KO\r'))));
  const long = answer(date, 'x'.repeat(1_024));
  usual.learn(long);
  t.notOk(isKnown(usual, long));
  for (let at = 0; at < 8; at += 1) usual.learn(answer(date, `v${at}`));
  t.notOk(isKnown(usual, dateless), 'the oldest made room');
  for (let at = 0; at < 8; at += 1) t.ok(isKnown(usual, answer(date, `v${at}`)));
  t.end();
});
