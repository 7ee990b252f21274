// Events as clients get them.
import t from 'tap';
import { attributeEvent, parseEngineEvent, poolEvent } from '../../../controller/engine/cluster-event.js';

const node = { name: 'n1', id: 'ID1', address: '10.0.0.5:2376', ip: '10.0.0.5' };

void t.test('attributeEvent() adds the node and keeps every digit and every unknown member', async (t) => {
  const line =
    '{"status":"start","id":"c1","from":"busybox","Type":"container","Action":"start","Actor":{"ID":"c1","Attributes":{"name":"web","say":"\\"timeNano\\":1"}},"scope":"local","time":1795348623,"timeNano":1795348623214753204,"future":{"a":1}}';
  const parsed = parseEngineEvent(line);
  if (parsed === undefined) throw new Error('not parsed');
  const event = attributeEvent(parsed, node);
  t.equal(event.timeNano, 1795348623214753204n);
  t.equal(
    event.text,
    '{"status":"start","id":"c1","from":"busybox node:n1","Type":"container","Action":"start","Actor":{"ID":"c1","Attributes":{"name":"web","say":"\\"timeNano\\":1","node.name":"n1","node.id":"ID1","node.addr":"10.0.0.5:2376","node.ip":"10.0.0.5"}},"scope":"local","time":1795348623,"timeNano":1795348623214753204,"future":{"a":1},"node":{"Name":"n1","Id":"ID1","Addr":"10.0.0.5:2376","Ip":"10.0.0.5"}}',
  );
  t.match(event.event, { Action: 'start', node: { Name: 'n1' } });
});

void t.test('attributeEvent() adds no from where there was none', async (t) => {
  const parsed = parseEngineEvent('{"Type":"network","Action":"create","Actor":{"ID":"x"}}');
  if (parsed === undefined) throw new Error('not parsed');
  const event = attributeEvent(parsed, node);
  t.notOk('from' in event.event);
  t.equal(event.timeNano, 0n);
});

void t.test('parseEngineEvent() ignores what is no JSON object', async (t) => {
  for (const line of ['', 'x', '[1]', 'null', '{"a":']) t.equal(parseEngineEvent(line), undefined, line);
});

void t.test('poolEvent() has the classic form', async (t) => {
  const event = poolEvent('engine_disconnect', { node, nowMs: 1_795_348_623_214 });
  t.equal(
    event.text,
    '{"status":"engine_disconnect","from":"swarm node:n1","Type":"swarm","Action":"engine_disconnect","Actor":{"ID":"","Attributes":{"node.name":"n1","node.id":"ID1","node.addr":"10.0.0.5:2376","node.ip":"10.0.0.5"}},"time":1795348623,"timeNano":1795348623214000000,"node":{"Name":"n1","Id":"ID1","Addr":"10.0.0.5:2376","Ip":"10.0.0.5"}}',
  );
});
