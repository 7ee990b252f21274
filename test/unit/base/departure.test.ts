// Who is gone, told to who asks before and after.
import t from 'tap';
import { Departure } from '../../../controller/base/departure.js';

void t.test('Departure tells listeners once, with the first reason', async (t) => {
  const client = new Departure();
  const heard: string[] = [];
  client.onGone(() => heard.push('first'));
  const stay = client.onGone(() => heard.push('taken back'));
  stay();
  stay();
  t.equal(client.isGone, false);
  client.leave(new Error('left'));
  client.leave(new Error('left again'));
  t.equal(client.isGone, true);
  t.match(client.reason, { message: 'left' });
  client.onGone(() => heard.push('late'))();
  t.same(heard, ['first', 'late']);
});

void t.test('Departure.signal aborts with the reason, whether it was made before or after', async (t) => {
  const client = new Departure();
  const before = client.signal;
  t.equal(client.signal, before, 'there is one');
  t.equal(before.aborted, false);
  client.leave(new Error('left'));
  t.equal(before.aborted, true);
  t.match(before.reason, { message: 'left' });

  const other = new Departure();
  other.leave(new Error('left'));
  t.match(other.signal, { aborted: true, reason: { message: 'left' } });
});
