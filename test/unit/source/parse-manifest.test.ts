// Every trap of YAML that operators met in practice, by name, and the place that a problem points at.
import t from 'tap';
import fc from 'fast-check';
import { loadCrds } from '../../../controller/schema/crd.js';
import { Validator } from '../../../controller/schema/validate.js';
import { formatPosition, formatProblem } from '../../../controller/source/manifest-problem.js';
import { parseManifest } from '../../../controller/source/parse-manifest.js';

const validator = new Validator(await loadCrds('schemas'));

function parse(text: string): { objects: string[]; problems: string[] } {
  const { objects, problems } = parseManifest({ file: 'a.yaml', text, validator });
  return {
    objects: objects.map(
      ({ resource, position }) => `${resource.kind} ${resource.metadata.name} ${formatPosition(position)}`,
    ),
    problems: problems.map(formatProblem),
  };
}

const node = `apiVersion: swarmctl.io/v1alpha1
kind: Node
metadata:
  name: n1
spec:
  cluster: demo
  engine:
    address: tcp://10.0.0.1:2376
`;
const cluster = `apiVersion: swarmctl.io/v1alpha1
kind: Cluster
metadata:
  name: demo
`;

t.test('parseManifest() reads all documents of a file with their places', async (t) => {
  t.same(parse(`# first\n${cluster}---\n${node}`), {
    objects: ['Cluster demo a.yaml:2:1', 'Node n1 a.yaml:7:1'],
    problems: [],
  });
});

t.test('parseManifest() takes empty documents, comments and a trailing --- as no objects', async (t) => {
  for (const text of ['', '\n\n', '# only a comment\n', '---\n', '---\n---\n', '--- \n# x\n...\n']) {
    t.same(parse(text), { objects: [], problems: [] }, JSON.stringify(text));
  }
  t.same(parse(`---\n${cluster}---\n`).objects, ['Cluster demo a.yaml:2:1']);
});

t.test('parseManifest() reads JSON, CRLF line ends and a byte order mark', async (t) => {
  const json = JSON.stringify(
    { apiVersion: 'swarmctl.io/v1alpha1', kind: 'Cluster', metadata: { name: 'demo' } },
    null,
    '\t',
  );
  t.same(parse(json).objects, ['Cluster demo a.yaml:1:1']);
  t.same(parse(node.replaceAll('\n', '\r\n')).objects, ['Node n1 a.yaml:1:1']);
  t.same(parse(`\uFEFF${node}`).objects, ['Node n1 a.yaml:1:1']);
  t.match(parse(`\uFEFFkind: x\r\napiVersion: 1\r\n`).problems, [
    /^a\.yaml:1:7: .*kind must be one of/,
    /^a\.yaml:2:13: /,
  ]);
});

t.test('parseManifest() reads the lists that get -o yaml prints', async (t) => {
  const item = (text: string): string => `- ${text.trimEnd().replaceAll('\n', '\n  ')}\n`;
  t.same(parse(`apiVersion: v1\nkind: List\nitems:\n${item(cluster)}${item(node)}`).objects, [
    'Cluster demo a.yaml:4:3',
    'Node n1 a.yaml:8:3',
  ]);
  t.same(parse(`kind: NodeList\napiVersion: swarmctl.io/v1alpha1\nitems: []\n`), {
    objects: [],
    problems: [],
  });
  const broken = `kind: List\nitems:\n${item(node.replace('demo', 'DEMO'))}`;
  t.match(parse(broken).problems, [/^a\.yaml:8:14: Cannot use node "n1": spec\.cluster must be/]);
  t.match(parse('apiVersion: swarmctl.io/v1alpha1\nkind: List\nitems: 7\n').problems, [
    /kind must be one of Cluster, Node, got "List"/,
  ]);
});

t.test('parseManifest() points at the value, the key, or the closest parent', async (t) => {
  const rows: readonly (readonly [string, string, string])[] = [
    [
      'a wrong value',
      node.replace('tcp://10.0.0.1:2376', '10.0.0.5'),
      'a.yaml:8:14: Cannot use node "n1": spec.engine.address must be tcp://host:port, got "10.0.0.5"',
    ],
    [
      'an unknown field',
      node.replace('engine:', 'engin:'),
      'a.yaml:7:3: Cannot use node "n1": unknown field spec.engin, did you mean spec.engine',
    ],
    [
      'an unknown field with a value',
      `${node}  unschedulabel: true\n`,
      'a.yaml:9:3: Cannot use node "n1": unknown field spec.unschedulabel, did you mean spec.unschedulable',
    ],
    [
      'a missing field',
      node.replace('  cluster: demo\n', ''),
      'a.yaml:5:1: Cannot use node "n1": spec.cluster is required',
    ],
    [
      'a missing field deeper down',
      node.replace('    address: tcp://10.0.0.1:2376\n', '    tls: {}\n'),
      'a.yaml:7:3: Cannot use node "n1": spec.engine.address is required',
    ],
    [
      'a missing field at the top',
      node.replace('kind: Node\n', ''),
      'a.yaml:1:1: Cannot use the object "n1": kind is required',
    ],
    [
      'an entry of a list',
      `${node}  roles:\n    - worker\n    - boss\n`,
      'a.yaml:11:7: Cannot use node "n1": spec.roles[1] must be one of manager, worker, got "boss"',
    ],
    [
      'an entry of a flow list',
      `${node}  roles: [worker, boss]\n`,
      'a.yaml:9:19: Cannot use node "n1": spec.roles[1] must be one of manager, worker, got "boss"',
    ],
    [
      'a document that is no map',
      '- 1\n',
      'a.yaml:1:1: Cannot use the object: an object must be a map of fields, got a list',
    ],
    [
      'a value without text',
      node.replace('cluster: demo', 'cluster:'),
      'a.yaml:6:3: Cannot use node "n1": spec.cluster is required',
    ],
    [
      'a value behind an alias',
      node.replace('demo', '&x DEMO').replace('tcp://10.0.0.1:2376', '*x'),
      'a.yaml:6:15: Cannot use node "n1": spec.cluster must be at most 63 lowercase letters, digits, "-" or ".", with a letter or digit at each end, got "DEMO"',
    ],
  ];
  for (const [name, text, expected] of rows) t.equal(parse(text).problems[0], expected, name);
});

t.test(
  'parseManifest() reports the problems of all documents at once and uses nothing of the file',
  async (t) => {
    const text = `${cluster}---\n${node.replace('demo', 'DEMO')}---\n${cluster.replace('demo', 'x').replace('metadata', 'metdata')}`;
    const result = parse(text);
    t.same(result.objects, []);
    t.match(result.problems, [
      /^a\.yaml:11:12: Cannot use node "n1": spec\.cluster/,
      /^a\.yaml:17:1: Cannot use cluster: unknown field metdata, did you mean metadata$/,
    ]);
  },
);

t.test('parseManifest() reports an object that is defined twice at both places', async (t) => {
  t.same(parse(`${cluster}---\n${node}---\n${cluster}`).problems, [
    'a.yaml:1:1: Cannot use cluster "demo": it is also defined at a.yaml:15:1',
    'a.yaml:15:1: Cannot use cluster "demo": it is also defined at a.yaml:1:1',
  ]);
});

const traps: readonly (readonly [string, string, RegExp])[] = [
  [
    'a tab as indentation',
    'kind: Node\nmetadata:\n\tname: x\n',
    /^a\.yaml:3:1: Cannot parse the file: .*[Tt]ab/,
  ],
  ['an unterminated quote', `${cluster}---\nkind: "Node\n`, /Cannot parse the file: Missing closing "quote/],
  ['a duplicate key', `${cluster}kind: Node\n`, /^a\.yaml:5:1: .*the key "kind" must not be used twice$/],
  ['a duplicate key in JSON', '{"kind": "a", "kind": "b"}', /^a\.yaml:1:15: .*must not be used twice$/],
  ['%YAML 1.1', `%YAML 1.1\n---\n${cluster}`, /must be YAML 1\.2, got %YAML 1\.1/],
  ['%YAML 1.3', `%YAML 1.3\n---\n${cluster}`, /Cannot parse the file: .*1\.3|must be YAML 1\.2/],
  [
    'an unknown tag',
    cluster.replace('demo', '!Ref demo'),
    /^a\.yaml:4:9: Cannot parse the file: Unresolved tag: !Ref/,
  ],
  ['a function tag', cluster.replace('demo', '!!js/function "x"'), /Unresolved tag/],
  ['a binary tag', cluster.replace('demo', '!!binary aGVsbG8='), /tag.*binary/],
  ['a set tag', `${cluster}spec: !!set {a}\n`, /tag.*set|Cannot parse/],
  [
    'a merge key',
    `${cluster}  labels: &l {a: b}\n  annotations:\n    <<: *l\n`,
    /^a\.yaml:7:5: .*merge keys \(<<\) must not be used/,
  ],
  ['an alias bomb', bomb(), /must not use more than 50 aliases/],
  [
    'many plain reuses of an anchor',
    `${cluster}  labels:\n    a: &x y\n${Array.from({ length: 60 }, (_, i) => `    b${i}: *x\n`).join('')}`,
    /must not use more than 50 aliases, got 60/,
  ],
  ['nested reuse below the limit of aliases', nestedBomb(), /Excessive alias count|resource exhaustion/],
  [
    'an alias inside its own anchor',
    `${cluster}spec: &s\n  tls: *s\n`,
    /^a\.yaml:6:8: .*must not be inside its own anchor/,
  ],
  [
    'an alias to nothing',
    `${cluster}spec: *nothing\n`,
    /^a\.yaml:5:7: .*the alias \*nothing has no anchor before it/,
  ],
  ['a map as a key', `${cluster}  labels: { {a: b}: c }\n`, /Cannot parse the file/],
  [
    'an integer that is not exact',
    `${cluster}  labels:\n    id: 9007199254740993\n`,
    /^a\.yaml:6:9: .*9007199254740993 is too large to be an exact number/,
  ],
  [
    'a git hash that looks like a number',
    `${cluster}  labels:\n    sha: 1234567e10\n`,
    /1234567e10 is too large to be an exact number/,
  ],
  [
    'a number of thirty digits',
    `${cluster}  labels:\n    id: 123456789012345678901234567890\n`,
    /too large to be an exact number/,
  ],
  ['infinity', `${cluster}spec: { manager: { overcommit: .inf } }\n`, /\.inf must not be used as a number/],
  [
    'not a number',
    `${cluster}spec: { manager: { overcommit: .nan } }\n`,
    /\.nan must not be used as a number/,
  ],
  [
    'a version that is a number',
    `${cluster}spec: { image: 1.20 }\n`,
    /spec\.image must be a string, got 1\.2 \(put it in quotes\)/,
  ],
  [
    'yes, which is text in YAML 1.2',
    `${node}  unschedulable: yes\n`,
    /^a\.yaml:9:18: .*yes means true in YAML 1\.1: write true, or put it in quotes if it is text$/,
  ],
  [
    'true for an annotation',
    `${cluster}  annotations:\n    swarmctl.io/deletion-approved: true\n`,
    /must be a string, got true \(put it in quotes\)/,
  ],
  [
    'the key __proto__',
    `${cluster}  labels:\n    __proto__: x\n`,
    /^a\.yaml:6:5: .*the key metadata\.labels\.__proto__ must not be used/,
  ],
  ['a zero byte', `${cluster}spec:\n  image: "\0"\n`, /^a\.yaml:6:11: .*zero byte/],
  [
    'a nest of 70 lists',
    `${cluster}spec: ${'['.repeat(70)}${']'.repeat(70)}\n`,
    /^a\.yaml:5:\d+: Cannot use the file: must not nest deeper than 64 levels$/,
  ],
  ['depth', `${cluster}spec: ${'['.repeat(20_000)}\n`, /Cannot parse the file/],
  [
    'a private key',
    `${node}  labels:\n    k: |\n      -----BEGIN PRIVATE KEY-----\n      abc\n`,
    /must not contain a private key/,
  ],
];

function bomb(): string {
  const levels = Array.from(
    { length: 9 },
    (_, i) => `  l${i + 1}: &l${i + 1} [${Array.from({ length: 9 }, () => `*l${i}`).join(', ')}]\n`,
  );
  return `${cluster}spec:\n  l0: &l0 [x, x, x]\n${levels.join('')}`;
}

function nestedBomb(): string {
  const levels = Array.from(
    { length: 9 },
    (_, i) => `  l${i + 1}: &l${i + 1} [${Array.from({ length: 5 }, () => `*l${i}`).join(', ')}]\n`,
  );
  return `${cluster}spec:\n  l0: &l0 [x, x, x]\n${levels.join('')}`;
}

t.test('parseManifest() refuses each trap of YAML with its place', async (t) => {
  for (const [name, text, expected] of traps) {
    const { objects, problems } = parse(text);
    t.same(objects, [], name);
    t.match(problems.join('\n'), expected, name);
    t.notMatch(problems.join('\n'), /\n.*at .*\(.*\.js/, 'no stack');
  }
});

t.test(
  'parseManifest() refuses plain words that YAML 1.1 reads in another way, and takes them in quotes',
  async (t) => {
    const rows = [
      ['yes', /means true in YAML 1\.1: write true, or put it in quotes/],
      ['On', /means true/],
      ['NO', /means false/],
      ['off', /means false/],
      ['010', /is an octal number in YAML 1\.1: write it without leading zeros/],
      ['0o17', /is a number in YAML 1\.2 and text in YAML 1\.1/],
      ['1_000', /is a number in YAML 1\.1/],
      ['22:22', /is a number to the base of 60/],
    ] as const;
    for (const [word, expected] of rows) {
      t.match(parse(`${cluster}  annotations:\n    a: ${word}\n`).problems, [expected], word);
      t.same(parse(`${cluster}  annotations:\n    a: "${word}"\n`).problems, [], `"${word}"`);
    }
    t.match(parse(`${cluster}  annotations:\n    on: x\n`).problems, [
      /^a\.yaml:6:5: .*the key on means true in YAML 1\.1/,
    ]);
    for (const word of ['y', 'N', 'nope', '"08"', 'a:b', '10.0.0.1:2376', '0x1F_', '1:99']) {
      t.same(
        parse(`${cluster}  annotations:\n    a: ${word}\n`).problems.filter((p) => /YAML 1\.1/.test(p)),
        [],
        word,
      );
    }
  },
);

t.test('parseManifest() accepts what only looks like a trap', async (t) => {
  const good = [
    cluster.replace('demo', '"010"'),
    cluster.replace('demo', '!!str demo'),
    `%YAML 1.2\n---\n${cluster}`,
    `${cluster}  labels:\n    a: &x y\n    b: *x\n    'on': "yes"\n    1: "one"\n`,
    `${cluster}spec:\n  image: 'v:1.20' # comment\n`,
    `${cluster}spec:\n`,
    `${cluster}...\n`,
  ];
  for (const text of good) t.same(parse(text).problems, [], text);
});

t.test('parseManifest() refuses a large file and a large map before they cost time', async (t) => {
  const large = parse(`${cluster}# ${'x'.repeat(1024 * 1024)}\n`);
  t.match(large.problems, [
    /^a\.yaml:1:1: Cannot use the file: it must be at most 1048576 bytes, got \d+; split it$/,
  ]);
  const keys = Array.from({ length: 40_000 }, (_, index) => `    k${index}: v\n`).join('');
  t.match(parse(`${cluster}  labels:\n${keys}`).problems, [/a map must have at most 2000 keys, got 40000/]);
});

t.test('parseManifest() reports a file of nothing but mistakes without running out of stack', async (t) => {
  for (const line of ['a: b\n', 'b: *a\n']) {
    const { problems } = parse(`a: &a 1\n${line.repeat(12_000)}`);
    t.equal(problems.length, 101, line);
    t.match(problems[0], /the key "[ab]" must not be used twice/);
  }
});

t.test('parseManifest() reports at most a hundred problems of a file', async (t) => {
  const many = Array.from(
    { length: 150 },
    (_, index) => `---\n${node.replace('n1', `n${index}`).replace('demo', 'DEMO')}`,
  );
  const { problems } = parse(many.join(''));
  t.equal(problems.length, 101);
  t.match(problems.at(-1), /and 50 more problems from here on$/);
});

t.test(
  'parseManifest() property: any text gives objects or problems, and places inside the file',
  async (t) => {
    const piece = fc.constantFrom(
      ...node.split(/(?<=[:\n ])/),
      '---\n',
      '- ',
      '&a ',
      '*a',
      '{',
      '}',
      '"',
      '\t',
      '%YAML 1.2\n',
      '!',
      '|\n',
      'x',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join('');
        const lines = text.split('\n').length;
        const { objects, problems } = parseManifest({ file: 'a.yaml', text, validator });
        const places = [...problems, ...objects.map(({ position }) => position)];
        const isInside = places.every(({ line, column }) => line >= 1 && line <= lines && column >= 1);
        return isInside && (problems.length === 0 || objects.length === 0);
      }),
      { numRuns: 1000 },
    );
    t.pass();
  },
);
