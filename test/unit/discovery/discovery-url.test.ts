// Tests of discovery URLs: schemes, token forms, and what may be logged.
import t from 'tap';
import {
  describeDiscoveryUrl,
  parseTokenServices,
  parseTokenTarget,
  splitDiscoveryUrl,
} from '../../../controller/discovery/discovery-url.js';

const token = '0123456789abcdef0123456789abcdef';

t.test('splitDiscoveryUrl() splits at the first :// and takes nodes for a bare list', async (t) => {
  t.same(splitDiscoveryUrl('token://h/t'), { scheme: 'token', rest: 'h/t' });
  t.same(splitDiscoveryUrl('a:1,b:2'), { scheme: 'nodes', rest: 'a:1,b:2' });
  t.same(splitDiscoveryUrl('file:///a://b'), { scheme: 'file', rest: '/a://b' });
});

const targets = [
  [`h:3377/v1/${token}`, ['https://h:3377/v1']],
  [`h:3377/${token}`, ['https://h:3377/v1']],
  [`h/${token}`, ['https://h:3377/v1']],
  [`h1:1,h2:2/${token}`, ['https://h1:1/v1', 'https://h2:2/v1']],
  [`h1,h2:2/a/b/${token}`, ['https://h1:3377/a/b', 'https://h2:2/a/b']],
  [`[::1]:1,[fe80::1]/${token}`, ['https://[::1]:1/v1', 'https://[fe80::1]:3377/v1']],
] as const;

for (const [rest, urls] of targets) {
  t.test(`parseTokenTarget() reads ${rest}`, async (t) => {
    const target = parseTokenTarget(rest, { insecure: false });
    t.equal(target.token, token);
    t.same(
      target.services.map(({ baseUrl }) => baseUrl),
      urls,
    );
  });
}

t.test('parseTokenTarget() uses http only when told to', async (t) => {
  t.match(parseTokenTarget(`h/${token}`, { insecure: true }).services, [{ baseUrl: 'http://h:3377/v1' }]);
});

const refused = [
  ['', 'DISCOVERY_INVALID', 'token is empty'],
  ['h:1/', 'DISCOVERY_INVALID', 'token is empty'],
  [token, 'DISCOVERY_UNSUPPORTED', /switched off in 2019/],
  [`/${token}`, 'DISCOVERY_INVALID', /must name 1 to 16 hosts, got 0/],
  [`h:99999/${token}`, 'DISCOVERY_INVALID', /"h:99999": it must be host:port/],
  [`::1/${token}`, 'DISCOVERY_INVALID', /must be host:port/],
  [`user@h:1/${token}`, 'DISCOVERY_INVALID', /must be host:port/],
  [`h:1/a?b/${token}`, 'DISCOVERY_INVALID', /the path must be plain words/],
  [`${Array.from({ length: 17 }, (_, i) => `h${i}`).join(',')}/${token}`, 'DISCOVERY_INVALID', /got 17/],
] as const;

for (const [rest, code, message] of refused) {
  t.test(`parseTokenTarget() refuses ${rest.slice(0, 30)}`, async (t) =>
    t.throws(() => parseTokenTarget(rest, { insecure: false }), { code, message }),
  );
}

t.test('parseTokenServices() drops a trailing slash', async (t) => {
  t.match(parseTokenServices('h:1/v2/', { insecure: false }), [{ name: 'h:1', baseUrl: 'https://h:1/v2' }]);
});

t.test('describeDiscoveryUrl() never shows a whole token', async (t) => {
  t.equal(describeDiscoveryUrl(`token://h:1/v1/${token}`), 'token://h:1/v1/0123…');
  t.equal(describeDiscoveryUrl(`token+http://h:1/${token}`), 'token+http://h:1/0123…');
  t.equal(describeDiscoveryUrl(`token://${token}`), 'token://0123…');
  t.equal(describeDiscoveryUrl('token://short'), 'token://…');
  t.equal(describeDiscoveryUrl('nodes://a:1'), 'nodes://a:1');
});
