// GET /info in the form of each version of the API, from engines of any.
import t from 'tap';
import { infoFor, typicalInfo } from '../../../controller/manager/info-fields.js';

const older = {
  BridgeNfIptables: true,
  BridgeNfIp6tables: true,
  RuncCommit: { ID: 'a1', Expected: 'a1' },
  InitCommit: { ID: '', Expected: '' },
  RegistryConfig: { AllowNondistributableArtifactsCIDRs: ['10.0.0.0/8'], Mirrors: ['m'] },
  SecurityOptions: ['name=seccomp,profile=default'],
  Runtimes: { runc: { path: 'runc', status: { x: '1' } } },
};
const newer = {
  RuncCommit: { ID: 'a1' },
  InitCommit: { ID: '' },
  RegistryConfig: { Mirrors: ['m'] },
  Containerd: { Address: '/c' },
  FirewallBackend: { Driver: 'iptables' },
};

void t.test('infoFor() tells of bridges until 1.49, whatever the engine says', async (t) => {
  t.match(infoFor('1.49', typicalInfo(older)), { BridgeNfIptables: true, BridgeNfIp6tables: true });
  t.match(infoFor('1.49', typicalInfo(newer)), { BridgeNfIptables: false, BridgeNfIp6tables: false });
  for (const info of [older, newer, undefined]) {
    t.same(
      Object.keys(infoFor('1.50', typicalInfo(info))).filter((key) => key.startsWith('BridgeNf')),
      [],
    );
  }
});

void t.test('infoFor() tells the expected commits until 1.48', async (t) => {
  for (const info of [older, newer]) {
    t.same(infoFor('1.48', typicalInfo(info))['RuncCommit'], { ID: 'a1', Expected: 'a1' });
    t.same(infoFor('1.49', typicalInfo(info))['RuncCommit'], { ID: 'a1' });
  }
  t.same(infoFor('1.48', typicalInfo(newer))['InitCommit'], { ID: '' });
});

void t.test('infoFor() tells where foreign layers may go until 1.46', async (t) => {
  t.same(infoFor('1.46', typicalInfo(older))['RegistryConfig'], {
    AllowNondistributableArtifactsCIDRs: ['10.0.0.0/8'],
    AllowNondistributableArtifactsHostnames: null,
    Mirrors: ['m'],
  });
  t.same(infoFor('1.46', typicalInfo(newer))['RegistryConfig'], {
    AllowNondistributableArtifactsCIDRs: null,
    AllowNondistributableArtifactsHostnames: null,
    Mirrors: ['m'],
  });
  t.same(infoFor('1.47', typicalInfo(older))['RegistryConfig'], { Mirrors: ['m'] });
});

void t.test('infoFor() keeps from older clients what is newer than they are', async (t) => {
  const at = (version: string): object => infoFor(version, typicalInfo({ ...older, ...newer }));
  t.match(at('1.24'), { ExecutionDriver: '<not supported>', SecurityOptions: ['seccomp'] });
  t.match(at('1.25'), { SecurityOptions: ['name=seccomp,profile=default'], KernelMemory: true });
  t.notOk('ExecutionDriver' in at('1.25'));
  t.notOk('KernelMemory' in at('1.42'));
  t.same(Object(at('1.43')).Runtimes, { runc: { path: 'runc' } });
  t.same(Object(at('1.44')).Runtimes, older.Runtimes);
  t.notOk('Containerd' in at('1.45'));
  t.ok('Containerd' in at('1.46'));
  t.notOk('FirewallBackend' in at('1.48'));
  t.ok('FirewallBackend' in at('1.49'));
});
