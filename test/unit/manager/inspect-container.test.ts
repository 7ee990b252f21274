// spliceNode(): the quick way to add `Node` gives what the thorough one gives, or stands back.
import t from 'tap';
import fc from 'fast-check';
import { patchInspect, spliceNode } from '../../../controller/manager/routes/inspect-container.js';
import { anEngine } from './builders.js';

const engine = anEngine({ name: 'n1' });

t.test('spliceNode() gives the same object as patchInspect(), or nothing', async () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.oneof(fc.constantFrom('Id', 'HostIp', 'Node', 'Labels'), fc.string()), fc.jsonValue()),
      fc.constantFrom('', '\n', ' \r\n'),
      (body, end) => {
        const spliced = spliceNode(Buffer.from(JSON.stringify(body) + end), engine);
        if (spliced === undefined) return true;
        return (
          JSON.stringify(JSON.parse(spliced.toString('utf8'))) === JSON.stringify(patchInspect(body, engine))
        );
      },
    ),
    { numRuns: 2000 },
  );
});

t.test('spliceNode() keeps every digit and every unknown field', async (t) => {
  const spliced = spliceNode(Buffer.from('{"Id":"c1","New":{"Big":12345678901234567890}}\n'), engine);
  t.match(
    spliced?.toString('utf8'),
    /^\{"Id":"c1","New":\{"Big":12345678901234567890\},"Node":\{"ID":"ID-n1",/,
  );
  t.match(spliced?.toString('utf8'), /\}\}\n$/);
});

t.test('spliceNode() leaves to others what is not an object, is empty, has ports or a node', async (t) => {
  for (const body of [
    '',
    '{}',
    '[{"Id":1}]',
    'oops',
    '{"Id":"c1"} trailing',
    '{"NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"80"}]}}}',
    '{"Node":{"Name":"other"}}',
  ]) {
    t.equal(spliceNode(Buffer.from(body), engine), undefined, body);
  }
});
