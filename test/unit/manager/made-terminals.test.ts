// What is remembered of the creates of containers.
import t from 'tap';
import { MadeTerminals } from '../../../controller/manager/made-terminals.js';

void t.test('MadeTerminals.has() tells what a create said without doubt', (t) => {
  const rows: readonly (readonly [body: Record<string, unknown>, known: boolean | undefined])[] = [
    [{ Tty: true }, true],
    [{ Tty: false }, false],
    [{}, false],
    [{ tty: true }, undefined],
    [{ Tty: false, TTY: true }, undefined],
    [{ Tty: 'yes' }, undefined],
    [{ Tty: null }, undefined],
  ];
  for (const [at, [body, known]] of rows.entries()) {
    const terminals = new MadeTerminals();
    terminals.note(String(at), body);
    t.equal(terminals.has(String(at)), known, JSON.stringify(body));
    t.equal(terminals.has('other'), undefined);
  }
  t.end();
});

void t.test('MadeTerminals.note() forgets the oldest of very many', (t) => {
  const terminals = new MadeTerminals();
  for (let at = 0; at <= 10_000; at += 1) terminals.note(String(at), { Tty: true });
  t.equal(terminals.has('0'), undefined);
  t.equal(terminals.has('1'), true);
  t.equal(terminals.has('10000'), true);
  t.end();
});
