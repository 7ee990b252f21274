// The grammar of expressions, and the language of their values.
import t from 'tap';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { formatExpression, parseExpression } from '../../../controller/schedule/expression.js';
import { matchGlob } from '../../../controller/schedule/glob.js';
import { compileMatcher } from '../../../controller/schedule/matcher.js';

t.test('parseExpression() reads key, operator, value and softness', async (t) => {
  const cases: readonly [string, string, string, string, boolean][] = [
    ['region==eu', 'region', '==', 'eu', false],
    ['region!=eu', 'region', '!=', 'eu', false],
    ['region==~eu', 'region', '==', 'eu', true],
    ['region!=~eu', 'region', '!=', 'eu', true],
    ['x==y', 'x', '==', 'y', false],
    ['_a.b-c==1', '_a.b-c', '==', '1', false],
    ['image==busybox@sha256:abc', 'image', '==', 'busybox@sha256:abc', false],
    ['node==n1,n2', 'node', '==', 'n1,n2', false],
    ['node==n1|n2', 'node', '==', 'n1|n2', false],
    ['a===b', 'a', '==', '=b', false],
    ['a==b c', 'a', '==', 'b c', false],
    ['a==/', 'a', '==', '/', false],
    ['a==/(?i)FOO$/', 'a', '==', '/(?i)FOO$/', false],
  ];
  for (const [text, key, operator, value, soft] of cases) {
    t.same(parseExpression(text), { text, key, operator, value, soft }, text);
  }
});

t.test('parseExpression() names what is wrong in the classic words', async (t) => {
  const cases: readonly [string, string][] = [
    ['', 'One of operator ==, != is expected'],
    ['region', 'One of operator ==, != is expected'],
    ['region=eu', 'One of operator ==, != is expected'],
    ['==eu', "Key '' is invalid"],
    ['1a==eu', "Key '1a' is invalid"],
    ['a b==eu', "Key 'a b' is invalid"],
    ['a!=b==c', "Key 'a!=b' is invalid"],
    ['a!==b', "Key 'a!' is invalid"],
    ['region==', "Value '' is invalid"],
    ['region==~', "Value '~' is invalid"],
    ['region==~~eu', "Value '~~eu' is invalid"],
    ['a==/x==y/', "Value '/x==y/' is invalid"],
    ['region==a;b', "Value 'a;b' is invalid"],
    ['region==a{2}', "Value 'a{2}' is invalid"],
  ];
  for (const [text, problem] of cases) t.same(parseExpression(text), { problem }, text);
});

t.test('formatExpression() prints without the ~', async (t) => {
  const parsed = parseExpression('region!=~eu');
  t.equal('problem' in parsed ? parsed.problem : formatExpression(parsed), 'region!=eu');
});

t.test('compileMatcher() matches as classic swarm did', async (t) => {
  const cases: readonly [value: string, text: string, matches: boolean][] = [
    ['eu', 'eu', true],
    ['eu', 'eu-1', false],
    ['eu', 'EU', false],
    ['eu*', 'eu-1', true],
    ['*1', 'eu-1', true],
    ['e*1', 'eu-1', true],
    ['*', '', true],
    ['a.c', 'abc', true],
    ['a.c', 'ac', false],
    ['1.2.3', '1.2.3', true],
    ['node-[12]', 'node-2', true],
    ['node-[12]', 'node-3', false],
    ['(eu|us)', 'us', true],
    ['a|b', 'ax', true],
    ['a|b', 'xb', true],
    ['a|b', 'xa', false],
    ['node-[12]*', 'node-2-x', true],
    ['/eu/', 'west-eu-1', true],
    ['/^eu/', 'west-eu-1', false],
    ['/(?i)EU$/', 'west-eu', true],
    ['//', 'anything', true],
    ['/', '/', true],
    ['/', 'a', false],
    ['/a', '/a', true],
    ['a/b', 'a/b', true],
    ['sha256:2ab*', 'sha256:2ab62c', true],
    ['busybox@sha256:ab', 'busybox@sha256:ab', true],
    ['a.c', 'a😀c', true],
    ['a.c', 'a\nc', false],
  ];
  for (const [value, text, matches] of cases) {
    t.equal(compileMatcher(value).matches(text), matches, `${value} on ${JSON.stringify(text)}`);
  }
});

t.test('compileMatcher() gives a value that cannot be used a problem and no match', async (t) => {
  for (const value of ['/(/', '(', '/(?=a)/', '[', '*+', '/\\/', `/${'a'.repeat(255)}/`, 'a*'.repeat(129)]) {
    const matcher = compileMatcher(value);
    t.type(matcher.problem, 'string', value);
    t.notOk(matcher.matches('a'), value);
  }
});

// Each stops a backtracking matcher for seconds to years. Here the whole corpus is a few thousand steps; without a
// bound the test would run into the time limit of the suite.
t.test('compileMatcher() answers at once on patterns made to hang a backtracking matcher', async (t) => {
  const long = 'a'.repeat(4000);
  const corpus: readonly string[] = [
    '/^(a+)+$/',
    '/(a|aa)+$/',
    '/(a*)*b/',
    '/(.*a)(.*a)(.*a)(.*a)(.*a)(.*a)(.*a)b/',
    '/^(([a-z])+.)+[A-Z]([a-z])+$/',
    '/^(a|a?)+$/',
    '(a+)+',
    '(a*)*b',
    `${'a*'.repeat(60)}b`,
    `${'*a'.repeat(120)}b`,
    `${'.*'.repeat(100)}b`,
    `${'a?'.repeat(100)}${'a'.repeat(50)}b`,
  ];
  for (const value of corpus) t.notOk(compileMatcher(value).matches(`${long}!`), value);
});

t.test('matchGlob() agrees with the regular expression it stands for', async () => {
  const piece = fc.constantFrom('a', 'b', '.', '*', '-', '/', '\n', '@', '😀');
  const text = fc.array(fc.constantFrom('a', 'b', '-', '.', '/', '\n', '@', '😀'), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), text, (pieces, characters) => {
      const pattern = pieces.join('');
      const subject = characters.join('');
      const reference = RE2JS.compile(`^${pattern.replaceAll('*', '.*')}$`).test(subject);
      return matchGlob(pattern, subject) === reference;
    }),
    { numRuns: 2000 },
  );
});

t.test('parseExpression() and compileMatcher() never throw', async () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ unit: 'binary' }),
      (value, text) => {
        const parsed = parseExpression(`key==${value}`);
        if (!('problem' in parsed)) compileMatcher(parsed.value).matches(text);
        compileMatcher(value).matches(text);
        parseExpression(value);
      },
    ),
  );
  const metacharacters = fc.array(fc.constantFrom(...Array.from('ab.*/()?+[]\\^$|~:-_ @,')), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(metacharacters, fc.string(), (characters, text) => {
      compileMatcher(characters.join('')).matches(text);
    }),
    { numRuns: 2000 },
  );
});
