// Addresses: host:port and tcp://host:port, IPv6 included, everything else refused.
import t from 'tap';
import { formatHostPort, parseHostPort, parseTcpAddress } from '../../../controller/api/engine-address.js';

t.test('parseHostPort() reads names, IPv4 and bracketed IPv6', (t) => {
  t.same(parseHostPort('n1:2376'), { host: 'n1', port: 2376 });
  t.same(parseHostPort('10.0.0.5:1'), { host: '10.0.0.5', port: 1 });
  t.same(parseHostPort('[fe80::1]:65535'), { host: 'fe80::1', port: 65_535 });
  t.end();
});

t.test('parseHostPort() refuses what is not host:port', (t) => {
  for (const text of [
    'n1',
    'n1:',
    ':2376',
    '::1:2375',
    'host: 4000',
    'h:0',
    'h:65536',
    'h:abc',
    'http://h:1',
    '',
  ]) {
    t.equal(parseHostPort(text), undefined, JSON.stringify(text));
  }
  t.end();
});

t.test('formatHostPort() puts IPv6 into brackets', (t) => {
  t.equal(formatHostPort({ host: 'fe80::1', port: 2376 }), '[fe80::1]:2376');
  t.equal(formatHostPort({ host: 'n1', port: 2376 }), 'n1:2376');
  t.end();
});

t.test('parseTcpAddress() needs the scheme', (t) => {
  t.same(parseTcpAddress('tcp://10.0.0.5:2376'), { host: '10.0.0.5', port: 2376 });
  t.equal(parseTcpAddress('10.0.0.5:2376'), undefined);
  t.equal(parseTcpAddress('unix:///var/run/docker.sock'), undefined);
  t.end();
});
