// Subnets of sets: parsing, addresses, conflicts.
import t from 'tap';
import {
  defaultSubnets,
  formatSubnet,
  gatewayOf,
  nextAddress,
  parseSubnet,
  readCidr,
  subnetsOverlap,
} from '../../../controller/machine/subnet.js';

t.test('parseSubnet() takes networks with room for machines', (t) => {
  for (const text of ['192.168.99.0/24', '10.0.0.0/16', '172.16.3.8/29', '10.64.128.0/17']) {
    t.equal(formatSubnet(parseSubnet(text)), text);
  }
  t.end();
});

t.test('parseSubnet() refuses what is no network, or one of the wrong size', (t) => {
  const cases = [
    { text: 'nonsense', message: /must be written as 192\.168\.99\.0\/24/ },
    { text: '192.168.256.0/24', message: /must be written as/ },
    { text: '192.168.99.0', message: /between \/16 and \/29, got \/32/ },
    { text: '10.0.0.0/8', message: /between \/16 and \/29, got \/8/ },
    { text: '192.168.99.1/24', message: /must start at its network address 192\.168\.99\.0\/24/ },
    { text: 'fd00::/64', message: /must be written as/ },
  ];
  for (const { text, message } of cases) t.throws(() => parseSubnet(text), { code: 'USAGE', message }, text);
  t.end();
});

t.test('subnetsOverlap() compares at the shorter prefix', (t) => {
  const cases = [
    ['192.168.99.0/24', '192.168.99.0/24', true],
    ['192.168.99.0/24', '192.168.0.0/16', true],
    ['192.168.99.0/24', '192.168.99.7', true],
    ['192.168.99.0/24', '192.168.100.0/24', false],
    ['224.0.0.0/24', '192.168.0.0/16', false],
  ] as const;
  for (const [left, right, overlap] of cases) {
    const [a, b] = [readCidr(left), readCidr(right)];
    if (a === undefined || b === undefined) throw new Error('a case is no network');
    t.equal(subnetsOverlap(a, b), overlap, `${left} and ${right}`);
    t.equal(subnetsOverlap(b, a), overlap, `${right} and ${left}`);
  }
  t.end();
});

t.test('nextAddress() starts at .100, then fills what is below, never network, gateway or broadcast', (t) => {
  const subnet = parseSubnet('192.168.99.0/24');
  t.equal(gatewayOf(subnet), '192.168.99.1');
  t.equal(nextAddress(subnet, new Set()), '192.168.99.100');
  t.equal(nextAddress(subnet, new Set(['192.168.99.100', '192.168.99.101'])), '192.168.99.102');
  const taken = new Set<string>();
  for (
    let address = nextAddress(subnet, taken);
    address !== undefined;
    address = nextAddress(subnet, taken)
  ) {
    taken.add(address);
  }
  t.equal(taken.size, 253);
  t.notOk(['.0', '.1', '.255'].some((end) => taken.has(`192.168.99${end}`)));
  t.equal([...taken].at(-1), '192.168.99.99');
  t.end();
});

t.test('nextAddress() starts at the first host of a small subnet', (t) => {
  const subnet = parseSubnet('10.0.0.8/29');
  const taken = new Set<string>();
  for (
    let address = nextAddress(subnet, taken);
    address !== undefined;
    address = nextAddress(subnet, taken)
  ) {
    taken.add(address);
  }
  t.same([...taken], ['10.0.0.10', '10.0.0.11', '10.0.0.12', '10.0.0.13', '10.0.0.14']);
  t.end();
});

t.test('defaultSubnets begin with the one docker-machine users know', (t) => {
  t.equal(defaultSubnets.map(formatSubnet)[0], '192.168.99.0/24');
  t.equal(new Set(defaultSubnets.map(formatSubnet)).size, defaultSubnets.length);
  t.end();
});
