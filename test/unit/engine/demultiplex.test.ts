// Frames of logs without a terminal.
import t from 'tap';
import { demultiplex } from '../../../controller/engine/demultiplex.js';

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

void t.test('demultiplex() joins output and error in their order', async (t) => {
  const data = Buffer.concat([frame(1, 'out\n'), frame(2, 'err\n'), frame(1, 'x'.repeat(300))]);
  t.equal(demultiplex(data).toString(), `out\nerr\n${'x'.repeat(300)}`);
});

void t.test('demultiplex() leaves the log of a terminal as it is', async (t) => {
  t.equal(demultiplex(Buffer.from('plain text\r\n')).toString(), 'plain text\r\n');
  t.equal(demultiplex(Buffer.alloc(0)).length, 0);
});

void t.test('demultiplex() drops a frame header that was cut off', async (t) => {
  t.equal(demultiplex(Buffer.concat([frame(1, 'a'), Buffer.from([1, 0, 0])])).toString(), 'a');
});
