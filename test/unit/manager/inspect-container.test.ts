// spliceNode(): the quick way to add `Node` gives what the thorough one gives, or stands back.
import t from 'tap';
import fc from 'fast-check';
import type { JsonObject } from '../../../controller/base/json.js';
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

const binding = fc.record({
  HostIp: fc.constantFrom('', '0.0.0.0', '::', '10.0.0.7'),
  HostPort: fc.constantFrom('80', '32768'),
});
const ports = fc.oneof(
  fc.constantFrom(null, [], 'none', 12),
  fc.dictionary(fc.constantFrom('80/tcp', '53/udp', '"}'), fc.option(fc.array(binding, { maxLength: 3 }))),
);

t.test('spliceNode() replaces addresses of ports as patchInspect() does', async (t) => {
  let spliced = 0;
  fc.assert(
    fc.property(
      fc.record({
        Id: fc.string(),
        HostConfig: fc.record({ PortBindings: ports }),
        NetworkSettings: fc.oneof(
          fc.record({ Bridge: fc.string(), Ports: ports }, { requiredKeys: [] }),
          fc.jsonValue(),
        ),
        Config: fc.record({ Labels: fc.constantFrom({ NetworkSettings: '{"Ports":{}}' }, {}) }),
      }),
      (body) => {
        const bytes = spliceNode(Buffer.from(JSON.stringify(body)), engine);
        if (bytes === undefined) return JSON.stringify(body).includes('"Node"');
        spliced += 1;
        return (
          JSON.stringify(JSON.parse(bytes.toString('utf8'))) ===
          JSON.stringify(patchInspect(JSON.parse(JSON.stringify(body)) as JsonObject, engine)) // made of an object
        );
      },
    ),
    { numRuns: 2000 },
  );
  t.ok(spliced > 1000);
});

t.test('spliceNode() keeps every digit and every unknown field', async (t) => {
  const spliced = spliceNode(Buffer.from('{"Id":"c1","New":{"Big":12345678901234567890}}\n'), engine);
  t.match(
    spliced?.toString('utf8'),
    /^\{"Id":"c1","New":\{"Big":12345678901234567890\},"Node":\{"ID":"ID-n1",/,
  );
  t.match(spliced?.toString('utf8'), /\}\}\n$/);
});

t.test(
  'spliceNode() leaves to others what is not an object, is empty, is broken or has a node',
  async (t) => {
    for (const body of [
      '',
      '{}',
      '[{"Id":1}]',
      'oops',
      '{"Id":"c1"} trailing',
      '{"NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":80 0}]}}}',
      '{"Id":"HostIp" ,"NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":]}}}',
      '{"Node":{"Name":"other"}}',
    ]) {
      t.equal(spliceNode(Buffer.from(body), engine), undefined, body);
    }
  },
);
