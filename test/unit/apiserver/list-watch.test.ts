// Lists and watches: versions, selectors, bookmarks, expiry.
import t from 'tap';
import { objectAt, type JsonObject } from '../../../controller/base/json.js';
import type { Node } from '../../../controller/api/resources.js';
import {
  apiFixture,
  nodeBody,
  nodesPath,
  type ApiFixture,
  type OpenWatch,
} from '../../support/api-fixture.js';

const tableAccept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

async function addNode(api: ApiFixture, name: string, labels: Record<string, string> = {}): Promise<Node> {
  await api.call(nodesPath, { method: 'POST', body: nodeBody(name, { metadata: { labels } }) });
  return api.store.getNode(name)!; // just made
}

async function setLabels(
  api: ApiFixture,
  name: string,
  labels: Record<string, string | null>,
): Promise<void> {
  await api.call(`${nodesPath}/${name}`, {
    method: 'PATCH',
    contentType: 'application/merge-patch+json',
    body: { metadata: { labels } },
  });
}

async function remove(api: ApiFixture, name: string): Promise<void> {
  await api.call(`${nodesPath}/${name}`, { method: 'DELETE' });
  await api.store.removeFinalizer({ kind: 'Node', name }, 'swarmctl.io/agents');
}

function seen({ events }: OpenWatch): string[] {
  return events.map((event) => {
    const name = objectAt(objectAt(event, 'object'), 'metadata')['name'];
    return typeof name === 'string' ? `${String(event['type'])} ${name}` : String(event['type']);
  });
}

t.test('a list has the version from which a watch goes on', async (t) => {
  const api = await apiFixture();
  await addNode(api, 'b', { zone: 'x' });
  await addNode(api, 'a');
  const { body } = await api.call(nodesPath);
  t.match(body, {
    kind: 'NodeList',
    metadata: { resourceVersion: String(api.store.resourceVersion) },
    items: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }],
  });
  t.match((await api.call(`${nodesPath}?labelSelector=zone%3Dx`)).body['items'], [
    { metadata: { name: 'b' } },
  ]);
  t.match((await api.call(`${nodesPath}?fieldSelector=metadata.name%3Da`)).body['items'], [
    { metadata: { name: 'a' } },
  ]);
  const version = api.store.resourceVersion;
  await addNode(api, 'c');
  const watch = await api.watch(`${nodesPath}?watch=1&resourceVersion=${version}`);
  t.same(seen(watch), ['ADDED c']);
  watch.stop();
  await watch.ended;
});

t.test('a watch without a version starts with everything', async (t) => {
  const api = await apiFixture();
  await addNode(api, 'a');
  const watch = await api.watch(`${nodesPath}?watch=true`);
  await addNode(api, 'b');
  await setLabels(api, 'a', { x: 'y' });
  await remove(api, 'a');
  t.same(seen(watch), ['ADDED a', 'ADDED b', 'MODIFIED a', 'MODIFIED a', 'DELETED a']);
  watch.stop();
  await watch.ended;
});

t.test('sendInitialEvents ends with a marked bookmark', async (t) => {
  const api = await apiFixture();
  await addNode(api, 'a');
  const query =
    'watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan';
  const plain = await api.watch(`${nodesPath}?${query}`);
  t.match(plain.events, [
    { type: 'ADDED' },
    {
      type: 'BOOKMARK',
      object: {
        kind: 'Node',
        metadata: {
          annotations: { 'k8s.io/initial-events-end': 'true' },
          resourceVersion: String(api.store.resourceVersion),
        },
      },
    },
  ]);
  const table = await api.watch(`${nodesPath}?${query}`, { accept: tableAccept });
  t.match(table.events[1], {
    type: 'BOOKMARK',
    object: { kind: 'Table', rows: [{ object: { metadata: { annotations: Object } } }] },
  });
  plain.stop();
  table.stop();
  await Promise.all([plain.ended, table.ended]);
});

t.test(
  'a watch with a selector reports objects that come to match, and those that no longer do',
  async (t) => {
    const api = await apiFixture();
    await addNode(api, 'a', { zone: 'x' });
    await addNode(api, 'b');
    const version = api.store.resourceVersion;
    const live = await api.watch(`${nodesPath}?watch=1&labelSelector=zone%3Dx`);
    await setLabels(api, 'b', { zone: 'x' });
    await setLabels(api, 'a', { zone: null });
    await setLabels(api, 'a', { other: '1' });
    t.same(seen(live), ['ADDED a', 'ADDED b', 'DELETED a']);
    const replayed = await api.watch(
      `${nodesPath}?watch=1&labelSelector=zone%3Dx&resourceVersion=${version}`,
    );
    t.same(seen(replayed), ['MODIFIED b', 'DELETED a']);
    live.stop();
    replayed.stop();
  },
);

t.test('a version that is too old, or from another life, is Expired', async (t) => {
  const api = await apiFixture();
  for (let index = 0; index < 3; index += 1) await addNode(api, `n${index}`);
  for (let index = 0; index < 2100; index += 1) {
    await api.store.updateStatus({ kind: 'Node', name: 'n0' }, { address: `h:${index}` });
  }
  t.match(await api.call(`${nodesPath}?watch=1&resourceVersion=1`), {
    status: 410,
    body: { reason: 'Expired' },
  });
  t.match(await api.call(`${nodesPath}?watch=1&resourceVersion=999999`), { status: 410 });
  t.match(await api.call(`${nodesPath}?watch=1&resourceVersion=abc`), { status: 400 });
});

t.test('a watch sends a bookmark each minute and ends after timeoutSeconds', async (t) => {
  const api = await apiFixture();
  const watch = await api.watch(`${nodesPath}?watch=1&allowWatchBookmarks=true&timeoutSeconds=150`);
  const quiet = await api.watch(`${nodesPath}?watch=1&timeoutSeconds=150`);
  await api.clock.advance(149_000);
  t.same(seen(watch), ['BOOKMARK', 'BOOKMARK']);
  await api.clock.advance(1000);
  await Promise.all([watch.ended, quiet.ended]);
  t.same(quiet.events, []);
  await addNode(api, 'late');
  t.same(seen(watch), ['BOOKMARK', 'BOOKMARK'], 'nothing is sent after the end');
  t.equal(api.clock.pendingTimers, 0);
});

t.test('a watch ends when its client no longer reads', async (t) => {
  const api = await apiFixture();
  const watch = await api.watch(`${nodesPath}?watch=1`, { tooSlowAfter: 1 });
  await addNode(api, 'a');
  await watch.ended;
  await addNode(api, 'b');
  t.same(seen(watch), ['ADDED a']);
});

t.test('a Table has the columns of the definition; a watch sends them once', async (t) => {
  const api = await apiFixture();
  await addNode(api, 'a');
  await api.store.updateStatus(
    { kind: 'Node', name: 'a' },
    { roles: 'worker', certificateExpiryTime: '2026-01-11T00:00:00Z', engine: { cpus: 2 } },
  );
  await api.clock.advance(90_000);
  const { body } = await api.call(nodesPath, { accept: tableAccept });
  const columns = body['columnDefinitions'] as { name: string; priority: number }[];
  t.same(
    columns.filter(({ priority }) => priority === 0).map(({ name }) => name),
    ['Name', 'Cluster', 'Roles', 'Address', 'Status', 'Engine', 'CPUs', 'Memory', 'Cert', 'Age'],
  );
  const [row] = body['rows'] as { cells: unknown[]; object: JsonObject }[];
  const cell = (name: string): unknown => row?.cells[columns.findIndex((column) => column.name === name)];
  t.same([cell('Name'), cell('Roles'), cell('CPUs'), cell('Address')], ['a', 'worker', 2, null]);
  t.equal(cell('Cert'), '9d', 'a date to come shows the time that is left');
  t.equal(cell('Age'), '90s', 'a date in the past shows the time since');
  t.equal(row?.object['kind'], 'PartialObjectMetadata');
  const whole = await api.call(`${nodesPath}/a?includeObject=Object`, { accept: tableAccept });
  t.match(whole.body, { kind: 'Table', rows: [{ object: { kind: 'Node', spec: Object } }] });
  const none = await api.call(`${nodesPath}/a?includeObject=None`, { accept: tableAccept });
  t.equal((none.body['rows'] as JsonObject[])[0]?.['object'], undefined);

  const watch = await api.watch(`${nodesPath}?watch=1`, { accept: tableAccept });
  await setLabels(api, 'a', { x: '1' });
  t.ok(objectAt(watch.events[0]!, 'object')['columnDefinitions']);
  t.equal(objectAt(watch.events[1]!, 'object')['columnDefinitions'], null);
  watch.stop();
});

t.test('events are core/v1 Events that can be selected and watched', async (t) => {
  const api = await apiFixture();
  const node = await addNode(api, 'a');
  const record = (message: string): void =>
    api.store.recordEvent({
      key: { kind: 'Node', name: 'a' },
      type: 'Warning',
      reason: 'EngineUnreachable',
      message,
    });
  record('first');
  const selector = encodeURIComponent(
    'involvedObject.name=a,involvedObject.namespace=,involvedObject.kind=Node',
  );
  const { body } = await api.call(`/api/v1/namespaces/default/events?fieldSelector=${selector}`);
  t.match(body, {
    kind: 'EventList',
    items: [
      {
        kind: 'Event',
        type: 'Warning',
        reason: 'EngineUnreachable',
        count: 1,
        involvedObject: { kind: 'Node', name: 'a', uid: node.metadata.uid },
      },
    ],
  });
  t.same((await api.call('/api/v1/namespaces/other/events')).body['items'], []);
  t.same((await api.call('/api/v1/events?fieldSelector=involvedObject.name%3Dz')).body['items'], []);

  const version = String(objectAt(body, 'metadata')['resourceVersion']);
  record('first');
  record('second');
  const watch = await api.watch(`/api/v1/events?watch=1&resourceVersion=${version}`);
  t.match(watch.events, [
    { type: 'MODIFIED', object: { count: 2 } },
    { type: 'ADDED', object: { message: 'second' } },
  ]);
  watch.stop();
  t.match(
    await api.call('/api/v1/events?watch=1&resourceVersion=5'),
    { status: 410 },
    'a version from before this start',
  );
  const table = await api.call('/api/v1/events', { accept: tableAccept });
  t.match(table.body, {
    kind: 'Table',
    columnDefinitions: [
      { name: 'Last Seen' },
      { name: 'Type' },
      { name: 'Reason' },
      { name: 'Object' },
      { name: 'Message' },
      {},
      {},
      {},
    ],
  });
});
