// GPUs and devices: what is asked for, what engines have, what is left.
import t from 'tap';
import { readDevices } from '../../../controller/schedule/device-request.js';
import { readEngineDevices } from '../../../controller/schedule/engine-devices.js';
import { aCandidate, aContainer, aRequest, decide, outcome } from './builders.js';

const gpu = { Capabilities: [['gpu']] };
const gpus = (...requests: readonly object[]): { HostConfig: object } => ({
  HostConfig: { DeviceRequests: requests },
});

t.test('readDevices() reads what the docker CLI sends for --gpus and --device', async (t) => {
  const nothing = { gpus: 0, allGpus: false, gpuIds: [], cdiNames: [] };
  const rows: readonly [string, unknown, unknown][] = [
    ['nothing', undefined, undefined],
    ['null', null, undefined],
    ['all', [{ ...gpu, Count: -1 }], { ...nothing, allGpus: true }],
    ['two', [{ ...gpu, Count: 2 }], { ...nothing, gpus: 2 }],
    ['by ID', [{ ...gpu, Count: 0, DeviceIDs: ['0', 'GPU-1'] }], { ...nothing, gpuIds: ['0', 'GPU-1'] }],
    [
      'one of several capabilities',
      [{ Capabilities: [['tpu'], ['nvidia', 'gpu']], Count: 1 }],
      { ...nothing, gpus: 1 },
    ],
    ['another kind', [{ Capabilities: [['tpu']], Count: 1 }], undefined],
    ['CDI', [{ Driver: 'cdi', DeviceIDs: ['v.com/nic=a'] }], { ...nothing, cdiNames: ['v.com/nic=a'] }],
    ['nonsense', [null, 'x', { Capabilities: 'gpu' }], undefined],
  ];
  for (const [name, requests, wish] of rows) t.same(readDevices({ DeviceRequests: requests }), wish, name);
});

t.test('readEngineDevices() reads what engines tell of themselves', async (t) => {
  const discrete = { DiscreteResourceSpec: { Kind: 'NVIDIA-GPU', Value: 4 } };
  const named = (Value: string): object => ({ NamedResourceSpec: { Kind: 'gpu', Value } });
  const cdi = (ID: string): object => ({ Source: 'cdi', ID });
  const rows: readonly [string, Record<string, unknown>, object][] = [
    ['nothing', {}, { gpuCount: 0, cdiNames: undefined }],
    ['discrete', { GenericResources: [discrete] }, { gpuCount: 4, gpuIds: [] }],
    ['named', { GenericResources: [named('a'), named('b')] }, { gpuCount: 2, gpuIds: ['a', 'b'] }],
    [
      'another resource',
      { GenericResources: [{ DiscreteResourceSpec: { Kind: 'SSD', Value: 3 } }] },
      { gpuCount: 0 },
    ],
    ['runtime', { Runtimes: { runc: {}, nvidia: { path: 'x' } } }, { gpuCount: 'unknown' }],
    [
      'discovered',
      { DiscoveredDevices: [cdi('nvidia.com/gpu=0'), cdi('nvidia.com/gpu=all'), cdi('v.com/nic=a')] },
      { gpuCount: 1, gpuIds: ['0'], cdiNames: ['nvidia.com/gpu=0', 'nvidia.com/gpu=all', 'v.com/nic=a'] },
    ],
    [
      'configured before found',
      { GenericResources: [discrete], DiscoveredDevices: [cdi('nvidia.com/gpu=0')] },
      { gpuCount: 4 },
    ],
  ];
  for (const [name, info, devices] of rows) t.match(readEngineDevices(info), devices, name);
});

t.test('schedule() counts the GPUs that containers hold', async (t) => {
  const holder = (body: { HostConfig: object }, state = 'running') =>
    aContainer({ state, devices: readDevices({ ...body.HostConfig }) });
  const one = { ...gpu, Count: 1 };
  const four = { gpuCount: 4, gpuIds: ['a', 'b', 'c', 'd'], cdiNames: ['v.com/nic=a'] };
  const none = aCandidate('n0');
  const rows: readonly [
    string,
    Parameters<typeof aCandidate>[1],
    { HostConfig: object },
    string | undefined,
  ][] = [
    ['free', { devices: four }, gpus(one), undefined],
    ['all of them', { devices: four }, gpus({ ...gpu, Count: -1 }), undefined],
    [
      'some held',
      { devices: four, containers: [holder(gpus({ ...gpu, Count: 3 }))] },
      gpus({ ...gpu, Count: 2 }),
      'less than 2 GPUs free (1 of 4); remove a container that holds some, or ask for fewer',
    ],
    [
      'stopped ones hold too',
      { devices: four, containers: [holder(gpus({ ...gpu, Count: 4 }), 'exited')] },
      gpus(one),
      'less than 1 GPU free (0 of 4); remove a container that holds some, or ask for fewer',
    ],
    [
      'all held',
      { devices: four, containers: [holder(gpus({ ...gpu, Count: -1 }))] },
      gpus(one),
      'less than 1 GPU free (0 of 4); remove a container that holds some, or ask for fewer',
    ],
    [
      'one in use',
      { devices: four, containers: [holder(gpus(one))] },
      gpus({ ...gpu, Count: -1 }),
      'less than 4 GPUs free (3 of 4); remove a container that holds some, or ask for fewer',
    ],
    ['by ID', { devices: four }, gpus({ ...gpu, DeviceIDs: ['a'] }), undefined],
    ['by index', { devices: four }, gpus({ ...gpu, DeviceIDs: ['3'] }), undefined],
    [
      'more than there are',
      { devices: four },
      gpus({ ...gpu, Count: 5 }),
      'less than 5 GPUs free (4 of 4); ask for fewer',
    ],
    [
      'unknown ID',
      { devices: four },
      gpus({ ...gpu, DeviceIDs: ['z'] }),
      'no GPU z (has a b c d); ask for one of those that are there, or for any with --gpus 1',
    ],
    [
      'ID in use',
      { devices: four, containers: [holder(gpus({ ...gpu, DeviceIDs: ['a'] }))] },
      gpus({ ...gpu, DeviceIDs: ['a'] }),
      'GPU a in use (has b c d); remove the container that holds it, or ask for any with --gpus 1',
    ],
    [
      'number not known',
      { devices: { gpuCount: 'unknown', gpuIds: [], cdiNames: undefined }, containers: [holder(gpus(one))] },
      gpus({ ...gpu, Count: 8 }),
      undefined,
    ],
    ['device', { devices: four }, gpus({ Driver: 'cdi', DeviceIDs: ['v.com/nic=a'] }), undefined],
    [
      'no such device',
      { devices: four },
      gpus({ Driver: 'cdi', DeviceIDs: ['v.com/nic=b'] }),
      'no device v.com/nic=b (has v.com/nic=a); ask for one that is there, or describe it in /etc/cdi of an engine',
    ],
  ];
  for (const [name, engine, body, lack] of rows) {
    const decision = decide([aCandidate('n1', engine)], aRequest([], { ...body }));
    t.same(
      outcome(decision),
      lack === undefined
        ? ['n1']
        : ['no resources available to schedule container', `1 of 1 engine has ${lack}`],
      name,
    );
  }
  t.same(outcome(decide([none], aRequest([], { ...gpus(one) }))), [
    'no resources available to schedule container',
    '1 of 1 engine has no GPU; an engine offers GPUs by node-generic-resources in its daemon.json, or by the runtime nvidia',
  ]);
  t.same(outcome(decide([none, aCandidate('n1', { devices: four })], aRequest([], { ...gpus(one) }))), [
    'n1',
  ]);
});

t.test('a refusal shows what engines offer, and not all of many', async (t) => {
  const engine = (name: string, gpuIds: readonly string[]) =>
    aCandidate(name, { devices: { gpuCount: gpuIds.length, gpuIds, cdiNames: undefined } });
  const engines = [engine('n1', ['a', 'b', 'c', 'd', 'e', 'f']), engine('n2', ['g']), aCandidate('n3')];
  t.same(outcome(decide(engines, aRequest([], { ...gpus({ ...gpu, DeviceIDs: ['z'] }) }))).slice(1), [
    '2 of 3 engines have no GPU z (has a b c d and 2 more, has g); ask for one of those that are there, or for any with --gpus 1',
    '1 of 3 engines has no GPU (n3); an engine offers GPUs by node-generic-resources in its daemon.json, or by the runtime nvidia',
  ]);
});

t.test('schedule() reads no container of an engine for a request without devices', async (t) => {
  let reads = 0;
  const engine = Object.defineProperty({ ...aCandidate('n1') }, 'containers', {
    get: () => {
      reads += 1;
      return [];
    },
  });
  t.same(outcome(decide([engine], aRequest([]))), ['n1']);
  t.equal(reads, 0);
});
