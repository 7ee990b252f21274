// What is accepted as an engine, and how it is spoken to.
import t from 'tap';
import { parseSpecs, readingApiVersion } from '../../../controller/engine/engine-specs.js';
import type { EngineEndpoint } from '../../../controller/engine/endpoint.js';

const endpoint: EngineEndpoint = { name: '10.0.0.5:2376', address: { host: '10.0.0.5', port: 2376 } };
const version = { Version: '28.2.2', ApiVersion: '1.50', MinAPIVersion: '1.24', Os: 'linux', Arch: 'amd64' };
const info = {
  ID: 'ID1',
  Name: 'n1',
  NCPU: 4,
  MemTotal: 1024,
  Driver: 'overlay2',
  KernelVersion: '6.1.0',
  OperatingSystem: 'Debian',
  OSType: 'linux',
  Labels: ['region=eu', 'url=a=b'],
};

void t.test('parseSpecs() reads resources, versions and labels', async (t) => {
  const parsed = parseSpecs(endpoint, { info, version });
  t.match(parsed, { id: 'ID1', name: 'n1', ignoredLabels: [] });
  t.same(parsed.specs.labels, {
    storagedriver: 'overlay2',
    kernelversion: '6.1.0',
    operatingsystem: 'Debian',
    ostype: 'linux',
    region: 'eu',
    url: 'a=b',
  });
  t.match(parsed.specs, { cpus: 4, memoryBytes: 1024, apiVersion: '1.50', minApiVersion: '1.24' });
  t.equal(parsed.specs.info, info);
});

for (const [name, broken] of [
  ['no CPU', { NCPU: 0 }],
  ['no memory', { MemTotal: 0 }],
  ['no ID', { ID: '' }],
] as const)
  void t.test(`parseSpecs() refuses an engine with ${name}`, async (t) => {
    t.throws(() => parseSpecs(endpoint, { info: { ...info, ...broken }, version }), {
      code: 'ENGINE_UNUSABLE',
      message:
        'cannot get resources for this engine, make sure 10.0.0.5:2376 is a Docker Engine, not a Swarm manager',
    });
  });

void t.test('parseSpecs() refuses a label that is not key=value', async (t) => {
  t.throws(() => parseSpecs(endpoint, { info: { ...info, Labels: ['bare'] }, version }), {
    code: 'ENGINE_UNUSABLE',
    message:
      'Engine (ID: ID1, Addr: 10.0.0.5:2376) contains an invalid label (bare) not formatted as "key=value".',
  });
});

void t.test('parseSpecs() leaves out reserved labels and says which', async (t) => {
  const parsed = parseSpecs(endpoint, {
    info: { ...info, Labels: ['node=x', 'ostype=windows', 'a=b'] },
    version,
  });
  t.same(parsed.ignoredLabels, ['node', 'ostype']);
  t.match(parsed.specs.labels, { ostype: 'linux', a: 'b' });
});

for (const [apiVersion, minApiVersion, expected] of [
  ['1.41', '1.12', '1.41'],
  ['1.51', '1.24', '1.51'],
  ['1.56', '1.40', '1.51'],
  ['1.70', '1.60', '1.60'],
] as const)
  void t.test(`readingApiVersion() of ${minApiVersion}–${apiVersion} is ${expected}`, async (t) => {
    t.equal(readingApiVersion({ apiVersion, minApiVersion }), expected);
  });
