// kubectl's JSONPath dialect, case by case.
import t from 'tap';
import fc from 'fast-check';
import { isSwarmError } from '../../../controller/base/errors.js';
import { evaluateJsonPath, selectJsonPath } from '../../../controller/schema/json-path.js';

const list = {
  kind: 'List',
  items: [
    {
      metadata: { name: 'n1', labels: { 'app.kubernetes.io/name': 'web', tier: 'a' } },
      spec: { cpus: 2, roles: ['manager', 'worker'], suspend: false },
      status: {
        conditions: [
          { type: 'Ready', status: 'True' },
          { type: 'Stalled', status: 'False' },
        ],
      },
    },
    {
      metadata: { name: 'n2', labels: { 'app.kubernetes.io/name': 'db' } },
      spec: { cpus: 8, roles: ['worker'], suspend: true, note: null },
      status: { conditions: [{ type: 'Ready', status: 'False' }] },
    },
  ],
  numbers: [0, 1, 2, 3, 4, 5],
  'odd key': { 'a.b': 'literal' },
};

const templates: readonly (readonly [string, string])[] = [
  ['{.kind}', 'List'],
  ['{$.kind}', 'List'],
  ['{@.kind}', 'List'],
  ['{kind}', 'List'],
  ['.kind', 'List'],
  ['{.items[*].metadata.name}', 'n1 n2'],
  ['{.items[0].metadata.name}', 'n1'],
  ['{.items[-1].metadata.name}', 'n2'],
  ['{.items[9].metadata.name}', ''],
  ['{.items[0].spec}', '{"cpus":2,"roles":["manager","worker"],"suspend":false}'],
  ['{.items[0].spec.roles}', '["manager","worker"]'],
  ['{.items[*].spec.cpus}', '2 8'],
  ['{.items[1].spec.suspend}', 'true'],
  ['{.items[1].spec.note}', 'null'],
  ['{.nothing.at.all}', ''],
  ['{.kind.name}', ''],
  ['{.kind[0]}', ''],
  ['{.numbers[1:3]}', '1 2'],
  ['{.numbers[:2]}', '0 1'],
  ['{.numbers[4:]}', '4 5'],
  ['{.numbers[-2:]}', '4 5'],
  ['{.numbers[0:6:2]}', '0 2 4'],
  ['{.numbers[::3]}', '0 3'],
  ['{.numbers[0,2,-1]}', '0 2 5'],
  ['{.numbers[ 1 , 2 ]}', '1 2'],
  ['{.numbers[*]}', '0 1 2 3 4 5'],
  ['{.numbers.*}', '0 1 2 3 4 5'],
  ['{.items[0].status.conditions[?(@.type=="Ready")].status}', 'True'],
  ["{.items[0].status.conditions[?(@.type=='Ready')].status}", 'True'],
  ['{.items[0].status.conditions[?( @.type == "Ready" )].status}', 'True'],
  ['{.items[?(@.spec.cpus>2)].metadata.name}', 'n2'],
  ['{.items[?(@.spec.cpus>=2)].metadata.name}', 'n1 n2'],
  ['{.items[?(@.spec.cpus<8)].metadata.name}', 'n1'],
  ['{.items[?(@.spec.cpus<=2)].metadata.name}', 'n1'],
  ['{.items[?(@.spec.cpus!=2)].metadata.name}', 'n2'],
  ['{.items[?(@.spec.suspend==true)].metadata.name}', 'n2'],
  ['{.items[?(@.spec.note)].metadata.name}', 'n2'],
  ['{.items[?(@.metadata.labels.tier)].metadata.name}', 'n1'],
  ['{.items[?(@.spec.cpus=="2")].metadata.name}', ''],
  ['{.items[?(@.metadata.name>"n1")].metadata.name}', 'n2'],
  ['{.items[?(@.status.conditions[?(@.type=="Stalled")])].metadata.name}', 'n1'],
  ['{.items[*].metadata.labels.app\\.kubernetes\\.io/name}', 'web db'],
  ["{.items[*].metadata.labels['app\\.kubernetes\\.io/name']}", 'web db'],
  ["{.items[*].metadata.labels['app.kubernetes.io/name']}", 'web db'],
  ["{.items[0]['metadata.name']}", 'n1'],
  ["{.items[*]['metadata.name','spec.cpus']}", 'n1 2 n2 8'],
  ['{["odd key"]["a.b"]}', 'literal'],
  ["{['odd key']['a.b']}", 'literal'],
  ['{..name}', 'n1 n2'],
  ['{.items..type}', 'Ready Stalled Ready'],
  ['{..roles[0]}', 'manager worker'],
  ['{range .items[*]}{.metadata.name}{"\\n"}{end}', 'n1\nn2\n'],
  ['{range .items[*]}[{.metadata.name}, {.spec.cpus}] {end}', '[n1, 2] [n2, 8] '],
  ['{range .items[*]}{range .spec.roles[*]}{@}{","}{end}{"\\t"}{end}', 'manager,worker,\tworker,\t'],
  ['{range .items[*]}{.metadata.name}{" "}{end}{.kind}', 'n1 n2 List'],
  ['name: {.kind} {"{x}"} done', 'name: List {x} done'],
  ["{'it''s'}", 'its'],
  ['{.kind .items[0].metadata.name}', 'Listn1'],
  ['plain text', 'plain text'],
  ['', ''],
  ['{.numbers}{"\\\\"}{"\\""}', '[0,1,2,3,4,5]\\"'],
];

t.test('evaluateJsonPath() fills templates as kubectl does', async (t) => {
  for (const [template, expected] of templates) t.equal(evaluateJsonPath(template, list), expected, template);
});

t.test('evaluateJsonPath() prints the object itself for {.} and {@}', async (t) => {
  t.equal(evaluateJsonPath('{.}', { a: 1 }), '{"a":1}');
  t.equal(evaluateJsonPath('{@}', 'text'), 'text');
});

t.test('evaluateJsonPath() never reads what an object inherits', async (t) => {
  for (const path of [
    '{.constructor}',
    '{.__proto__}',
    "{['toString']}",
    '{..constructor}',
    '{.numbers.length}',
  ]) {
    t.equal(evaluateJsonPath(path, list), '', path);
  }
});

const wrong: readonly (readonly [string, RegExp])[] = [
  ['{.kind', /"}" is missing|ends too early/],
  ['{.items[}', /not expected/],
  ['{.items[0}', /"\]" is missing/],
  ['{.items[?(@.a=="x"]}', /"\)" is missing/],
  ['{.items[?(@.a==)]}', /not expected/],
  ['{"open}', /quote is not closed/],
  ['{end}', /no range to end/],
  ['{range .items[*]}x', /range has no \{end\}/],
  ['{}}', /^$/],
  ['{.items[1:2:0]}', /at least 1/],
  ['{.items[-]}', /not expected/],
  ['{..}', /name is missing/],
  ['{.a=b}', /not expected/],
];

t.test('evaluateJsonPath() names the place of a mistake', async (t) => {
  for (const [template, expected] of wrong) {
    if (expected.source === '^$') {
      t.equal(evaluateJsonPath(template, list), '}', 'text after braces may be a brace');
      continue;
    }
    t.throws(() => evaluateJsonPath(template, list), { code: 'USAGE', message: expected }, template);
  }
});

t.test('evaluateJsonPath() bounds nesting and length', async (t) => {
  const nested = `${'{.a[?(@'.repeat(1)}${'.a[?(@'.repeat(500)}.b${')]'.repeat(501)}}`;
  t.throws(() => evaluateJsonPath(nested, {}), { code: 'USAGE', message: /nests deeper/ });
  t.throws(() => evaluateJsonPath('{range .a}'.repeat(100), {}), { code: 'USAGE', message: /nests deeper/ });
  t.throws(() => evaluateJsonPath(`{.${'a'.repeat(20_000)}}`, {}), { code: 'USAGE', message: /longer than/ });
  const wide = Array.from({ length: 2000 }, () => Array.from({ length: 50 }, () => [1]));
  t.throws(() => selectJsonPath('{..*..*..*..*}', wide), { code: 'USAGE', message: /selects more than/ });
});

t.test('selectJsonPath() takes relaxed paths and returns values', async (t) => {
  const object = { status: { ready: true, list: [1, 2] } };
  for (const path of [
    '.status.ready',
    'status.ready',
    '{.status.ready}',
    '{status.ready}',
    ' {.status.ready} ',
  ]) {
    t.same(selectJsonPath(path, object), [true], path);
  }
  t.same(selectJsonPath('.status.list', object), [[1, 2]]);
  t.same(selectJsonPath('.status.list[*]', object), [1, 2]);
  t.same(selectJsonPath('.status.missing', object), []);
  t.throws(() => selectJsonPath('.status.ready}', object), { code: 'USAGE' });
  t.throws(() => selectJsonPath('', object), { code: 'USAGE' });
});

t.test('evaluateJsonPath() property: any text is either evaluated or refused in words', async (t) => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '.',
    '..',
    '[',
    ']',
    '*',
    '?(',
    ')',
    '@',
    '"',
    "'",
    '\\',
    'a',
    'items',
    '0',
    ':',
    ',',
    '==',
    'range ',
    'end',
    ' ',
    '-',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      try {
        evaluateJsonPath(pieces.join(''), list);
        return true;
      } catch (error) {
        return isSwarmError(error, 'USAGE');
      }
    }),
    { numRuns: 3000 },
  );
  t.pass();
});
