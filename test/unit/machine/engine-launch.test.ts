// The command line and environment an engine is started with.
import t from 'tap';
import { engineArguments, type EnginePlan } from '../../../controller/machine/engine-launch.js';
import { planPacketRules } from '../../../controller/machine/packet-rules.js';

const aPlan = (change: Partial<EnginePlan> = {}): EnginePlan => ({
  name: 'node0',
  dockerd: '/usr/sbin/dockerd',
  address: '192.168.99.100',
  port: 2376,
  dataDirectory: '/m/node0/data',
  socket: '/m/node0/docker.sock',
  tls: { ca: '/m/ca.pem', cert: '/m/server.pem', key: '/m/server-key.pem' },
  labels: { region: 'eu' },
  storageDriver: 'overlay2',
  containerNetwork: 'bridge',
  mtu: 1500,
  cgroupParent: '/swarmctl/s/node0/containers',
  extraArguments: ['--registry-mirror=http://m'],
  ...change,
});

t.test('engineArguments() listens with TLS and client certificates only', (t) => {
  const text = engineArguments(aPlan()).join(' ');
  t.match(text, '--host tcp://192.168.99.100:2376 ');
  t.match(text, '--tlsverify --tlscacert /m/ca.pem --tlscert /m/server.pem --tlskey /m/server-key.pem');
  t.match(text, '--label region=eu');
  t.notMatch(text, /--iptables|--bridge|--mtu/);
  t.equal(engineArguments(aPlan()).at(-1), '--registry-mirror=http://m', 'the user has the last word');
  t.end();
});

t.test('engineArguments() goes without container networks where packets cannot be filtered', (t) => {
  const text = engineArguments(aPlan({ containerNetwork: 'none' })).join(' ');
  t.match(text, '--bridge none --iptables=false --ip6tables=false');
  t.end();
});

t.test('engineArguments() passes a smaller packet size on to containers', (t) => {
  t.match(engineArguments(aPlan({ mtu: 1400 })).join(' '), '--mtu 1400');
  t.end();
});

t.test('planPacketRules() opens bridge to bridge always, and outside only with NAT', (t) => {
  const lines = (nat: boolean, programs = ['iptables']): string[] =>
    planPacketRules({ bridge: 'sw-s', subnet: '10.0.0.0/24', programs, nat }).map(
      ({ program, table, chain, match }) => `${program} ${table} ${chain} ${match.join(' ')}`,
    );
  t.same(lines(false), ['iptables filter FORWARD -i sw-s -o sw-s -j ACCEPT']);
  t.same(lines(true), [
    'iptables filter FORWARD -i sw-s -o sw-s -j ACCEPT',
    'iptables filter FORWARD -i sw-s ! -o sw-s -j ACCEPT',
    'iptables filter FORWARD -o sw-s -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    'iptables nat POSTROUTING -s 10.0.0.0/24 ! -o sw-s -j MASQUERADE',
  ]);
  t.equal(lines(true, ['iptables', 'iptables-legacy']).length, 7, 'one masquerade is enough');
  t.same(lines(false, []), [], 'a host without packet filter needs no exception');
  t.end();
});
