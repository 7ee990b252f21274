// Every route of the API: objects, errors as Status, dry runs, field validation.
import t from 'tap';
import { objectAt, stringAt } from '../../../controller/base/json.js';
import {
  apiFixture,
  clusterBody,
  nodeBody,
  nodesPath,
  clustersPath,
  type SentRequest,
} from '../../support/api-fixture.js';

t.test('the router answers discovery', async (t) => {
  const { call } = await apiFixture();
  t.same((await call('/api')).body['versions'], ['v1']);
  const groups = (await call('/apis')).body['groups'];
  t.match(groups, [
    { name: 'swarmctl.io', preferredVersion: { groupVersion: 'swarmctl.io/v1alpha1' } },
    { name: 'apiextensions.k8s.io' },
  ]);
  t.match((await call('/apis/swarmctl.io')).body, { kind: 'APIGroup', name: 'swarmctl.io' });
  const { body } = await call('/apis/swarmctl.io/v1alpha1');
  t.match(body, {
    kind: 'APIResourceList',
    resources: [
      {
        name: 'clusters',
        kind: 'Cluster',
        namespaced: false,
        singularName: 'cluster',
        shortNames: ['sc', 'cl'],
      },
      { name: 'clusters/status', verbs: ['get'] },
      { name: 'nodes', kind: 'Node', shortNames: ['sn', 'no'], categories: ['all', 'swarm'] },
      { name: 'nodes/status' },
    ],
  });
  t.match((await call('/api/v1')).body, { resources: [{ name: 'events', namespaced: true }] });
});

t.test('the router answers aggregated discovery only in the version it knows', async (t) => {
  const { call } = await apiFixture();
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
  t.match((await call('/apis', { accept })).body, {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    items: [
      {
        metadata: { name: 'swarmctl.io' },
        versions: [{ resources: [{ resource: 'clusters', scope: 'Cluster' }, { resource: 'nodes' }] }],
      },
    ],
  });
  t.match((await call('/api', { accept })).body, {
    items: [{ versions: [{ resources: [{ resource: 'events' }] }] }],
  });
  const old = 'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';
  t.equal((await call('/apis', { accept: old })).body['kind'], 'APIGroupList');
});

t.test('the router creates, reads, replaces, patches and deletes', async (t) => {
  const { call, store } = await apiFixture();
  const created = await call(nodesPath, { method: 'POST', body: nodeBody('n1') });
  t.equal(created.status, 201);
  t.match(created.body, {
    metadata: { name: 'n1', generation: 1 },
    spec: { roles: ['worker'], unschedulable: false },
  });
  const again = await call(nodesPath, { method: 'POST', body: nodeBody('n1') });
  t.match(again, {
    status: 409,
    body: { reason: 'AlreadyExists', message: 'nodes.swarmctl.io "n1" already exists' },
  });

  const url = `${nodesPath}/n1`;
  const version = stringAt((await call(url)).body['metadata'], 'resourceVersion');
  const replaced = await call(url, {
    method: 'PUT',
    body: nodeBody('n1', { spec: { unschedulable: true }, metadata: { resourceVersion: version } }),
  });
  t.match(replaced.body, { metadata: { generation: 2 }, spec: { unschedulable: true } });
  const stale = await call(url, {
    method: 'PUT',
    body: nodeBody('n1', { metadata: { resourceVersion: version } }),
  });
  t.match(stale, { status: 409, body: { reason: 'Conflict', details: { name: 'n1', kind: 'nodes' } } });

  const merged = await call(url, {
    method: 'PATCH',
    contentType: 'application/merge-patch+json',
    body: { spec: { unschedulable: null }, metadata: { labels: { a: 'b' } } },
  });
  t.match(merged.body, { metadata: { labels: { a: 'b' } }, spec: { unschedulable: false } });
  const patched = await call(url, {
    method: 'PATCH',
    contentType: 'application/json-patch+json',
    body: [{ op: 'remove', path: '/metadata/labels/a' }],
  });
  t.equal(objectAt(patched.body, 'metadata')['labels'], undefined);

  await store.updateStatus({ kind: 'Node', name: 'n1' }, { address: 'kept' });
  const wiped = await call(url, {
    method: 'PUT',
    body: { ...nodeBody('n1'), status: { address: 'changed' } },
  });
  t.equal(objectAt(wiped.body, 'status')['address'], 'kept', 'status has one writer: the operator');

  const deleted = await call(url, { method: 'DELETE' });
  t.match(deleted.body, { kind: 'Node', metadata: { deletionTimestamp: String } }, 'the finalizer holds it');
  await store.removeFinalizer({ kind: 'Node', name: 'n1' }, 'swarmctl.io/agents');
  t.match(await call(url), {
    status: 404,
    body: { reason: 'NotFound', message: 'nodes.swarmctl.io "n1" not found' },
  });
});

t.test('the router applies: creates, changes, removes what is left out', async (t) => {
  const { call } = await apiFixture();
  const apply = (body: unknown, query = ''): ReturnType<typeof call> =>
    call(`${nodesPath}/n1?fieldManager=me&force=true${query}`, {
      method: 'PATCH',
      contentType: 'application/apply-patch+yaml',
      body,
    });
  const first = await apply(
    nodeBody('n1', { spec: { unschedulable: true }, metadata: { labels: { a: '1', b: '2' } } }),
  );
  t.equal(first.status, 201);
  const second = await apply(nodeBody('n1', { metadata: { labels: { b: '2' } } }));
  t.match(second, {
    status: 200,
    body: { metadata: { labels: { a: undefined, b: '2' } }, spec: { unschedulable: false } },
  });
  const third = await apply(nodeBody('n1', { metadata: { labels: { b: '2' } } }));
  t.same(third.body, second.body, 'the same again changes nothing');
  const yaml =
    'apiVersion: swarmctl.io/v1alpha1\nkind: Node\nmetadata: {name: n1}\nspec: {cluster: other, engine: {address: "tcp://h:1"}}\n';
  t.match((await apply(yaml)).body, { spec: { cluster: 'other' } });
  const dry = await apply(nodeBody('n1', { spec: { cluster: 'dry' } }), '&dryRun=All');
  t.match(dry.body, { spec: { cluster: 'dry' } });
  t.match((await call(`${nodesPath}/n1`)).body, { spec: { cluster: 'other' } }, 'a dry run writes nothing');
  t.match(await apply(nodeBody('n2')), { status: 400, body: { reason: 'BadRequest' } });
});

t.test('the router refuses with a Status that says why', async (t) => {
  const { call } = await apiFixture();
  await call(nodesPath, { method: 'POST', body: nodeBody('n1') });
  const merge = 'application/merge-patch+json';
  const rows: readonly (readonly [what: string, url: string, sent: SentRequest, expected: object])[] = [
    ['an unknown path', '/nope', {}, { status: 404, body: { reason: 'NotFound' } }],
    ['an unknown group', '/apis/nope.io/v1', {}, { status: 404 }],
    ['an unknown resource', '/apis/swarmctl.io/v1alpha1/nopes', {}, { status: 404 }],
    ['an unknown subresource', `${nodesPath}/n1/scale`, {}, { status: 404 }],
    [
      'a method without meaning',
      nodesPath,
      { method: 'DELETE' },
      { status: 405, body: { reason: 'MethodNotAllowed' } },
    ],
    [
      'a write to status',
      `${nodesPath}/n1/status`,
      { method: 'PATCH', contentType: merge, body: {} },
      { status: 405 },
    ],
    ['a write to an event', '/api/v1/events', { method: 'POST', body: {} }, { status: 405 }],
    [
      'text that is not JSON',
      nodesPath,
      { method: 'POST', body: '{' },
      { status: 400, body: { reason: 'BadRequest' } },
    ],
    ['a list instead of an object', nodesPath, { method: 'POST', body: [] }, { status: 400 }],
    [
      'the wrong kind',
      nodesPath,
      { method: 'POST', body: clusterBody('c') },
      { status: 400, body: { message: /takes Node/ } },
    ],
    [
      'an unknown media type',
      nodesPath,
      { method: 'POST', body: nodeBody('x'), contentType: 'text/html' },
      { status: 415 },
    ],
    [
      'a strategic merge patch',
      `${nodesPath}/n1`,
      { method: 'PATCH', contentType: 'application/strategic-merge-patch+json', body: {} },
      { status: 415, body: { reason: 'UnsupportedMediaType' } },
    ],
    [
      'an invalid field',
      nodesPath,
      { method: 'POST', body: nodeBody('x', { spec: { engine: { address: '10.0.0.5' } } }) },
      {
        status: 422,
        body: {
          reason: 'Invalid',
          details: {
            name: 'x',
            kind: 'Node',
            causes: [{ field: 'spec.engine.address', message: /^must be tcp:\/\/host:port/ }],
          },
        },
      },
    ],
    [
      'an unknown field',
      nodesPath,
      { method: 'POST', body: nodeBody('x', { spec: { engin: {} } }) },
      {
        status: 400,
        body: { message: 'strict decoding error: unknown field "spec.engin", did you mean spec.engine' },
      },
    ],
    [
      'an unknown dryRun',
      `${nodesPath}?dryRun=Some`,
      { method: 'POST', body: nodeBody('x') },
      { status: 400 },
    ],
    [
      'an unknown fieldValidation',
      `${nodesPath}?fieldValidation=x`,
      { method: 'POST', body: nodeBody('x', { spec: { a: 1 } }) },
      { status: 400 },
    ],
    ['a label selector out of the grammar', `${nodesPath}?labelSelector=a+b`, {}, { status: 400 }],
    ['an unsupported field selector', `${nodesPath}?fieldSelector=spec.cluster%3Dx`, {}, { status: 400 }],
    [
      'another uid',
      `${nodesPath}/n1`,
      { method: 'DELETE', body: { preconditions: { uid: 'other' } } },
      { status: 409 },
    ],
    [
      'another version',
      `${nodesPath}/n1`,
      { method: 'DELETE', body: { preconditions: { resourceVersion: '9999' } } },
      { status: 409 },
    ],
    ['another name in the body', `${nodesPath}/n1`, { method: 'PUT', body: nodeBody('n2') }, { status: 400 }],
    ['a replacement of nothing', `${nodesPath}/n9`, { method: 'PUT', body: nodeBody('n9') }, { status: 404 }],
    ['a plan without a planner', '/apis/swarmctl.io/v1alpha1/plan/clusters/demo', {}, { status: 501 }],
  ];
  for (const [what, url, sent, expected] of rows) t.match(await call(url, sent), expected, what);
});

t.test('fieldValidation Warn and Ignore drop unknown fields', async (t) => {
  const { call } = await apiFixture();
  const body = nodeBody('w', { spec: { engin: {}, extra: 1 } });
  const warned = await call(`${nodesPath}?fieldValidation=Warn`, { method: 'POST', body });
  t.same(warned.warnings, [
    'unknown field "spec.engin", did you mean spec.engine',
    'unknown field "spec.extra"',
  ]);
  t.equal(warned.status, 201);
  t.equal(objectAt(warned.body, 'spec')['extra'], undefined);
  const ignored = await call(`${nodesPath}?fieldValidation=Ignore`, {
    method: 'POST',
    body: { ...body, metadata: { name: 'i' } },
  });
  t.same([ignored.status, ignored.warnings], [201, []]);
});

t.test('an object from a manifest file is read-only and names its place', async (t) => {
  const { call, store } = await apiFixture();
  const { body } = await call(`${nodesPath}?dryRun=All`, { method: 'POST', body: nodeBody('f1') });
  await store.create(body as never, { origin: { type: 'directory', position: 'nodes.yaml:3:1' } });
  const patch = (content: object): ReturnType<typeof call> =>
    call(`${nodesPath}/f1`, { method: 'PATCH', contentType: 'application/merge-patch+json', body: content });
  t.match(await patch({ spec: { cluster: 'other' } }), {
    status: 403,
    body: { reason: 'Forbidden', message: /nodes\.yaml:3:1/ },
  });
  t.match(await call(`${nodesPath}/f1`, { method: 'DELETE' }), { status: 403 });
  t.match(await patch({ metadata: { annotations: { 'swarmctl.io/reconcile-request': 'now' } } }), {
    status: 200,
  });
});

t.test('a new reconcile-request annotation is passed on, once', async (t) => {
  const asked: string[] = [];
  const { call } = await apiFixture({ onReconcileRequest: (key) => asked.push(key.name) });
  await call(nodesPath, { method: 'POST', body: nodeBody('n1') });
  const body = { metadata: { annotations: { 'swarmctl.io/reconcile-request': '1' } } };
  for (let round = 0; round < 2; round += 1) {
    await call(`${nodesPath}/n1`, { method: 'PATCH', contentType: 'application/merge-patch+json', body });
  }
  t.same(asked, ['n1']);
});

t.test('finalizers can be taken away by hand, but not by leaving them out', async (t) => {
  const { call } = await apiFixture();
  await call(nodesPath, { method: 'POST', body: nodeBody('n1') });
  await call(`${nodesPath}/n1`, { method: 'PUT', body: nodeBody('n1') });
  await call(`${nodesPath}/n1`, { method: 'DELETE' });
  t.match(await call(`${nodesPath}/n1`), { body: { metadata: { finalizers: ['swarmctl.io/agents'] } } });
  const body = { metadata: { finalizers: null } };
  await call(`${nodesPath}/n1`, { method: 'PATCH', contentType: 'application/merge-patch+json', body });
  t.equal((await call(`${nodesPath}/n1`)).status, 404);
});

t.test('a plan is asked of the planner, also with candidates', async (t) => {
  const { call } = await apiFixture({
    planFor: async (cluster, candidates) => [
      cluster.spec.manager.strategy,
      ...(candidates ?? []).map(({ metadata }) => metadata.name),
    ],
  });
  const url = '/apis/swarmctl.io/v1alpha1/plan/clusters/demo';
  t.match(await call(url), { status: 404 });
  await call(clustersPath, { method: 'POST', body: clusterBody('demo') });
  t.same((await call(url)).body['lines'], ['spread']);
  const items = [clusterBody('demo', { manager: { strategy: 'binpack' } }), nodeBody('n1')];
  t.same((await call(url, { method: 'POST', body: { items } })).body['lines'], ['binpack', 'demo', 'n1']);
  t.match(await call(url, { method: 'POST', body: { items: [{}] } }), { status: 422 });
  t.match(await call(url, { method: 'POST', body: {} }), { status: 400 });
});

t.test('reviews, version, health and definitions are there', async (t) => {
  const { call, text } = await apiFixture({
    readiness: () => [{ name: 'state' }, { name: 'directory', error: 'it is missing' }],
  });
  const review = await call('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    method: 'POST',
    body: 'k8s\0binary',
    contentType: 'application/vnd.kubernetes.protobuf',
  });
  t.match(review, { status: 201, body: { status: { allowed: true } } });
  t.match((await call('/version')).body, { major: '1', gitVersion: /^v1\.\d+\.0\+swarmctl\.1\.0\.0$/ });
  t.equal(await text('/healthz'), 'ok');
  t.equal(await text('/livez'), 'ok');
  t.match(await text('/readyz'), /\[\+\]state ok\n\[-\]directory failed: it is missing/);
  t.equal(await text('/readyz/state'), 'ok');
  t.match(await call('/readyz/nope'), { status: 404 });
  const crds = await call('/apis/apiextensions.k8s.io/v1/customresourcedefinitions');
  t.match(crds.body, {
    items: [{ metadata: { name: 'clusters.swarmctl.io' }, spec: { names: { kind: 'Cluster' } } }, {}],
  });
});
