// Every wrong manifest gets an answer in words, all problems at once; a right one comes back with its defaults.
import t from 'tap';
import type { Resource } from '../../../controller/api/resources.js';
import { loadCrds } from '../../../controller/schema/crd.js';
import { Validator } from '../../../controller/schema/validate.js';

import { aClusterManifest, aNodeManifest, apiVersion } from '../../support/manifests.js';

const crds = await loadCrds('schemas');
const validator = new Validator(crds);
/** @throws when there are problems */
function resourceOf(object: unknown): Resource {
  const result = validator.validate(object);
  if ('resource' in result) return result.resource;
  throw new Error(result.problems.map(({ message }) => message).join('\n'));
}

function messagesOf(object: unknown): string[] {
  const result = validator.validate(object);
  return 'problems' in result ? result.problems.map(({ message }) => message) : [];
}

t.test('Validator fills in every default and leaves the input alone', async (t) => {
  const input = { apiVersion, kind: 'Cluster', metadata: { name: 'demo' } };
  t.match(resourceOf(input), {
    metadata: { name: 'demo' },
    spec: {
      discovery: { backend: 'token', heartbeatSeconds: 60, ttlSeconds: 180, port: 3377, endpoints: [] },
      manager: { port: 3376, strategy: 'spread', overcommit: 0.05 },
      tls: { mode: 'managed' },
      deletionPolicy: 'Delete',
    },
  });
  t.same(Object.keys(input), ['apiVersion', 'kind', 'metadata']);
  t.match(resourceOf(aNodeManifest()).spec, { roles: ['worker'], unschedulable: false });
});

t.test('Validator gives each object defaults of its own', async (t) => {
  const first = resourceOf(aClusterManifest());
  if (first.kind === 'Cluster') first.spec.manager.filters.push('port');
  t.match(resourceOf(aClusterManifest()), { spec: { manager: { filters: { length: 7 } } } });
});

t.test('Validator ignores status and takes fields set to null as not set', async (t) => {
  const resource = resourceOf({
    ...aClusterManifest({ manager: null, image: null }),
    status: { nonsense: 1 },
  });
  t.notOk('status' in resource);
  t.match(resource.spec, { manager: { port: 3376 } });
});

t.test('Validator keeps what a server filled in, and drops what is not ours', async (t) => {
  const result = validator.validate(
    aNodeManifest(
      {},
      { uid: 'u', resourceVersion: '7', creationTimestamp: null, managedFields: [{}], generation: 3 },
    ),
  );
  t.match(result, { resource: { metadata: { name: 'n1', uid: 'u', resourceVersion: '7', generation: 3 } } });
  t.notOk('resource' in result && 'managedFields' in result.resource.metadata);
});

const rows: readonly (readonly [string, unknown, readonly string[]])[] = [
  ['not an object', 'text', ['an object must be a map of fields, got "text"']],
  ['nothing', null, ['an object must be a map of fields, got null']],
  ['no kind', { apiVersion, metadata: { name: 'a' } }, ['kind is required']],
  [
    'a kind in the wrong case',
    { apiVersion, kind: 'cluster' },
    ['kind must be one of Cluster, Node, got "cluster", did you mean Cluster'],
  ],
  ['a kind of others', { apiVersion, kind: 'Pod' }, ['kind must be one of Cluster, Node, got "Pod"']],
  [
    'a wrong apiVersion, reported beside other problems',
    { apiVersion: 'swarmctl.io/v1', kind: 'Cluster', metadata: {} },
    ['apiVersion must be swarmctl.io/v1alpha1, got "swarmctl.io/v1"', 'metadata.name is required'],
  ],
  ['no metadata', { apiVersion, kind: 'Cluster' }, ['metadata is required']],
  [
    'metadata of the wrong type',
    { apiVersion, kind: 'Cluster', metadata: [] },
    ['metadata must be a map of fields, got an empty list'],
  ],
  ['a Node without spec', { apiVersion, kind: 'Node', metadata: { name: 'a' } }, ['spec is required']],
  [
    'a misspelt field',
    aNodeManifest({ engine: undefined, engin: {} }),
    ['unknown field spec.engin, did you mean spec.engine'],
  ],
  [
    'an unknown field deep down',
    aClusterManifest({ manager: { stategy: 'spread' }, tls: { zzzzz: 1 } }),
    [
      'unknown field spec.manager.stategy, did you mean spec.manager.strategy',
      'unknown field spec.tls.zzzzz',
    ],
  ],
  [
    'an unknown field at the top',
    { ...aClusterManifest(), specs: {} },
    ['unknown field specs, did you mean spec'],
  ],
  [
    'an unknown field of metadata',
    aClusterManifest({}, { lables: {} }),
    ['unknown field metadata.lables, did you mean metadata.labels'],
  ],
  [
    'a namespace',
    aClusterManifest({}, { namespace: 'x' }),
    ['metadata.namespace must be removed: objects of swarmctl have none'],
  ],
  [
    'a value outside its list',
    aClusterManifest({ manager: { strategy: 'foo' } }),
    ['spec.manager.strategy must be one of spread, binpack, random, got "foo"'],
  ],
  [
    'an address without scheme',
    aNodeManifest({ engine: { address: '10.0.0.5' } }),
    ['spec.engine.address must be tcp://host:port, got "10.0.0.5"'],
  ],
  [
    'an address with an impossible port',
    aNodeManifest({ engine: { address: 'tcp://10.0.0.5:70000' } }),
    ['spec.engine.address must be tcp://host:port with a port from 1 to 65535, got "tcp://10.0.0.5:70000"'],
  ],
  [
    'an address with another scheme',
    aNodeManifest({ engine: { address: 'http://10.0.0.5:2376' } }),
    ['spec.engine.address must be tcp://host:port, got "http://10.0.0.5:2376"'],
  ],
  [
    'an address that is no IPv6',
    aNodeManifest({ engine: { address: 'tcp://[12345::]:2376' } }),
    ['spec.engine.address must be tcp://host:port, got "tcp://[12345::]:2376"'],
  ],
  [
    'an advertise without port',
    aNodeManifest({ advertise: 'h' }),
    ['spec.advertise must be host:port, got "h"'],
  ],
  ['no address', aNodeManifest({ engine: {} }), ['spec.engine.address is required']],
  [
    'neither engine nor machine',
    aNodeManifest({ engine: undefined }),
    ['spec.engine or spec.machine is required: where the Docker engine of this node is'],
  ],
  [
    'a number out of range',
    aClusterManifest({ manager: { port: 99_999 } }),
    ['spec.manager.port must be from 1 to 65535, got 99999'],
  ],
  [
    'a number below a lone minimum',
    aClusterManifest({ manager: { engineFailureRetry: 0 } }),
    ['spec.manager.engineFailureRetry must be at least 1, got 0'],
  ],
  [
    'text for a number',
    aClusterManifest({ manager: { port: '3376' } }),
    ['spec.manager.port must be a whole number, got "3376"'],
  ],
  [
    'half a number',
    aClusterManifest({ manager: { port: 1.5 } }),
    ['spec.manager.port must be a whole number, got 1.5'],
  ],
  [
    'a number for text',
    aClusterManifest({ image: 1.2 }),
    ['spec.image must be a string, got 1.2 (put it in quotes)'],
  ],
  [
    'text for true',
    aNodeManifest({ unschedulable: 'yes' }),
    ['spec.unschedulable must be true or false, got "yes"'],
  ],
  ['a map for a list', aNodeManifest({ roles: {} }), ['spec.roles must be a list, got a map']],
  ['an empty list', aNodeManifest({ roles: [] }), ['spec.roles must not be empty']],
  [
    'a value twice',
    aNodeManifest({ roles: ['worker', 'worker'] }),
    ['spec.roles must not list a value twice'],
  ],
  [
    'a wrong entry of a list',
    aNodeManifest({ roles: ['worker', 'boss'] }),
    ['spec.roles[1] must be one of manager, worker, got "boss"'],
  ],
  ['nothing in a list', aNodeManifest({ roles: [null] }), ['spec.roles[0] must be a string, got null']],
  ['empty text', aClusterManifest({ image: '' }), ['spec.image must not be empty']],
  [
    'long text',
    aNodeManifest({ machine: { name: 'x'.repeat(80) } }),
    ['spec.machine.name must have at most 63 characters, got 80'],
  ],
  [
    'a name in capitals',
    aClusterManifest({}, { name: 'Demo' }),
    [
      'metadata.name must be at most 63 lowercase letters, digits, "-" or ".", with a letter or digit at each end, got "Demo"',
    ],
  ],
  [
    'a name that is a number',
    aClusterManifest({}, { name: 7 }),
    ['metadata.name must be a string, got 7 (put it in quotes)'],
  ],
  [
    'a label that is not text',
    aClusterManifest({}, { labels: { a: true } }),
    ['metadata.labels.a must be a string, got true (put it in quotes)'],
  ],
  [
    'a label that is too odd',
    aClusterManifest({}, { labels: { a: 'ä' } }),
    [
      'metadata.labels.a must be at most 63 letters, digits, "-", "_" or ".", with a letter or digit at each end, got "ä"',
    ],
  ],
  [
    'a label key that is none',
    aClusterManifest({}, { labels: { 'a b': 'x' } }),
    [
      'the key metadata.labels["a b"] must be name or prefix/name: letters, digits, "-", "_" or ".", at most 63',
    ],
  ],
  [
    'annotations that are a list',
    aClusterManifest({}, { annotations: [1] }),
    ['metadata.annotations must be a map of fields, got a list'],
  ],
  [
    'a lifetime not above the heartbeat',
    aClusterManifest({ discovery: { heartbeatSeconds: 60, ttlSeconds: 60 } }),
    ['spec.discovery.ttlSeconds must be greater than spec.discovery.heartbeatSeconds (60), got 60'],
  ],
  [
    'a heartbeat above the default lifetime',
    aClusterManifest({ discovery: { heartbeatSeconds: 600 } }),
    ['spec.discovery.ttlSeconds must be greater than spec.discovery.heartbeatSeconds (600), got 180'],
  ],
  [
    'a longest refresh below the shortest',
    aClusterManifest({ manager: { engineRefreshMinSeconds: 30, engineRefreshMaxSeconds: 29 } }),
    [
      'spec.manager.engineRefreshMaxSeconds must not be less than spec.manager.engineRefreshMinSeconds (30), got 29',
    ],
  ],
  [
    'a renewal before the certificate begins',
    aClusterManifest({ tls: { validityDays: 30, renewBeforeDays: 30 } }),
    ['spec.tls.renewBeforeDays must be less than spec.tls.validityDays (30), got 30'],
  ],
  [
    'hostPath without a path',
    aClusterManifest({ tls: { mode: 'hostPath' } }),
    ['spec.tls.hostPath is required with spec.tls.mode hostPath'],
  ],
  [
    'a path without hostPath',
    aClusterManifest({ tls: { hostPath: '/x' } }),
    ['spec.tls.hostPath must only be set with spec.tls.mode hostPath'],
  ],
  [
    'a relative path',
    aClusterManifest({ tls: { mode: 'hostPath', hostPath: 'x' } }),
    ['spec.tls.hostPath must be an absolute path, got "x"'],
  ],
  [
    'two services on one port',
    aClusterManifest({ manager: { port: 4000 }, discovery: { port: 4000 } }),
    ['spec.discovery.port must not be the port of the manager, got 4000'],
  ],
  [
    'a file backend without file',
    aClusterManifest({ discovery: { backend: 'file' } }),
    ['spec.discovery.endpoints must name one file with backend file, got 0'],
  ],
  [
    'a file backend with a relative file',
    aClusterManifest({ discovery: { backend: 'file', endpoints: ['x'] } }),
    ['spec.discovery.endpoints[0] must be an absolute path, got "x"'],
  ],
  [
    'a nodes backend with endpoints',
    aClusterManifest({ discovery: { backend: 'nodes', endpoints: ['a:1'] } }),
    ['spec.discovery.endpoints must be empty with backend nodes: the Node manifests are the list'],
  ],
  [
    'a token endpoint without port',
    aClusterManifest({ discovery: { endpoints: ['a:1', 'b'] } }),
    ['spec.discovery.endpoints[1] must be host:port, got "b"'],
  ],
  [
    'a certificate without key',
    aNodeManifest({ engine: { address: 'tcp://a:1', tls: { certFile: '/c' } } }),
    ['spec.engine.tls.keyFile is required with spec.engine.tls.certFile'],
  ],
  [
    'a key without certificate',
    aNodeManifest({ engine: { address: 'tcp://a:1', tls: { keyFile: '/k' } } }),
    ['spec.engine.tls.certFile is required with spec.engine.tls.keyFile'],
  ],
];

t.test('Validator says in words what is wrong', async (t) => {
  for (const [name, object, expected] of rows) t.same(messagesOf(object), expected, name);
});

t.test('Validator reports all problems at once, sorted by field, with their paths', async (t) => {
  const result = validator.validate({
    apiVersion,
    kind: 'Node',
    metadata: { name: 'N' },
    spec: { rols: [], engine: { address: 'x' }, unschedulable: 1 },
  });
  t.match(result, {
    problems: [
      { path: ['metadata', 'name'] },
      { path: ['spec', 'cluster'] },
      { path: ['spec', 'engine', 'address'] },
      { path: ['spec', 'rols'], meant: ['spec', 'roles'] },
      { path: ['spec', 'unschedulable'] },
    ],
  });
});

t.test('Validator accepts what it should', async (t) => {
  const good: readonly unknown[] = [
    aClusterManifest(),
    aClusterManifest({ tls: { mode: 'hostPath', hostPath: '/certs' } }),
    aClusterManifest({ discovery: { backend: 'file', endpoints: ['/etc/nodes'] } }),
    aClusterManifest({ discovery: { backend: 'nodes' }, manager: { port: 3377 } }),
    aClusterManifest({ discovery: { endpoints: ['10.0.0.1:3377', '[::1]:3377'], port: 3376 } }),
    aClusterManifest({}, { labels: { 'a.b/c': 'd', e: '' }, annotations: { 'x/y': 'anything ä\n' } }),
    aNodeManifest({ engine: { address: 'tcp://[fd00::1]:2376' }, advertise: '[fd00::1]:2376' }),
    aNodeManifest({ engine: { address: 'tcp://node_1.lan:2376', tls: { mode: 'disabled' } } }),
    aNodeManifest({ engine: undefined, machine: {} }),
    aNodeManifest({ roles: ['manager', 'worker'], labels: { any: 'thing at all' } }),
    aNodeManifest({}, { name: 'a.b-c.9' }),
  ];
  for (const object of good) t.same(messagesOf(object), [], JSON.stringify(object));
});
