// The direction of imports of DESIGN section 2: each controller folder imports only what its row names.
const rows = {
  base: [],
  api: ['base'],
  schema: ['base', 'api'],
  plan: ['base', 'api'],
  schedule: ['base', 'api'],
  queue: ['base', 'api'],
  pki: ['base', 'api'],
  source: ['base', 'api', 'schema'],
  store: ['base', 'api', 'schema'],
  engine: ['base', 'api', 'pki'],
  image: ['base', 'api'],
  discovery: ['base', 'api', 'pki'],
  machine: ['base', 'api', 'pki', 'engine'],
  reconcile: [
    'base',
    'api',
    'schema',
    'plan',
    'queue',
    'pki',
    'source',
    'store',
    'engine',
    'image',
    'discovery',
    'machine',
  ],
  manager: ['base', 'api', 'schedule', 'engine', 'discovery', 'pki'],
  apiserver: ['base', 'api', 'schema', 'store', 'pki'],
};

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...Object.entries(rows).map(([folder, allowed]) => ({
      name: `${folder}-imports`,
      comment: `controller/${folder} may import only: ${allowed.join(', ') || 'node:'}`,
      severity: 'error',
      from: { path: `^controller/${folder}/` },
      to: { path: '^(controller|cmd|test)/', pathNot: `^controller/(${[folder, ...allowed].join('|')})/` },
    })),
    {
      name: 'base-is-node-only',
      severity: 'error',
      from: { path: '^controller/base/' },
      to: { path: 'node_modules' },
    },
    { name: 'cmd-never-imports-tests', severity: 'error', from: { path: '^cmd/' }, to: { path: '^test/' } },
    {
      name: 'programs-are-apart',
      severity: 'error',
      from: { path: '^cmd/swarm/' },
      to: { path: '^cmd/swarmctl/' },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependency',
      severity: 'error',
      from: { path: '^(controller|cmd/swarm|cmd/swarmctl)/' },
      to: { dependencyTypes: ['npm-dev'], pathNot: '@types' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
