// Tests of the command line: Go's flag rules, as classic scripts rely on them.
import t from 'tap';
import type { FlagTable } from '../../../cmd/swarm/flag-table.js';
import { parseCommandLine, parseFlags } from '../../../cmd/swarm/parse-flags.js';

const table = {
  advertise: { names: ['advertise', 'addr'], kind: 'string', env: 'SWARM_ADVERTISE', help: '' },
  ttl: { names: ['ttl'], kind: 'string', default: '180s', help: '' },
  verbose: { names: ['verbose'], kind: 'boolean', env: 'DEBUG', help: '' },
  retry: { names: ['retry'], kind: 'integer', default: '3', help: '' },
  host: { names: ['host', 'H'], kind: 'list', default: 'tcp://127.0.0.1:2375', env: 'SWARM_HOST', help: '' },
  filter: { names: ['filter', 'f'], kind: 'list', help: '' },
} as const satisfies FlagTable;

const defaults = {
  advertise: '',
  ttl: '180s',
  verbose: false,
  retry: 3,
  host: ['tcp://127.0.0.1:2375'],
  filter: [],
};

interface Row {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly values?: object;
  readonly positional?: readonly string[];
}

const rows: readonly Row[] = [
  { args: [] },
  { args: ['--ttl', '5s'], values: { ttl: '5s' } },
  { args: ['-ttl', '5s'], values: { ttl: '5s' } },
  { args: ['--ttl=5s'], values: { ttl: '5s' } },
  { args: ['-ttl=5s'], values: { ttl: '5s' } },
  { args: ['-ttl=a=b'], values: { ttl: 'a=b' } },
  { args: ['--ttl='], values: { ttl: '' } },
  { args: ['--ttl', ''], values: { ttl: '' } },
  { args: ['--ttl', '-10s'], values: { ttl: '-10s' } },
  { args: ['--ttl', '--verbose'], values: { ttl: '--verbose' } },
  { args: ['--ttl', '1s', '--ttl', '2s'], values: { ttl: '2s' } },
  { args: ['--addr', 'x'], values: { advertise: 'x' } },
  { args: ['--verbose'], values: { verbose: true } },
  { args: ['--verbose', 'false'], values: { verbose: true }, positional: ['false'] },
  { args: ['--verbose=false'], values: { verbose: false } },
  { args: ['--verbose=T'], values: { verbose: true } },
  { args: ['--retry', '-1'], values: { retry: -1 } },
  { args: ['--retry=+7'], values: { retry: 7 } },
  { args: ['-H', 'a', '--host', 'b', '--host=c'], values: { host: ['a', 'b', 'c'] } },
  { args: ['-f', 'x', '-f', 'x'], values: { filter: ['x', 'x'] } },
  { args: ['disc'], positional: ['disc'] },
  { args: ['disc', '--ttl', '5s'], values: { ttl: '5s' }, positional: ['disc'] },
  { args: ['--ttl', '5s', 'disc'], values: { ttl: '5s' }, positional: ['disc'] },
  { args: ['--ttl', '5s', 'disc', '--verbose'], values: { ttl: '5s' }, positional: ['disc', '--verbose'] },
  { args: ['a', '--ttl', '5s', 'b'], values: { ttl: '5s' }, positional: ['b', 'a'] },
  { args: ['--', '--ttl'], positional: ['--ttl'] },
  { args: ['--verbose', '--', '-x'], values: { verbose: true }, positional: ['-x'] },
  { args: ['a', '--verbose', '--', 'b'], values: { verbose: true }, positional: ['a', 'b'] },
  { args: ['-'], positional: ['-'] },
  { args: [], env: { SWARM_ADVERTISE: 'e:1' }, values: { advertise: 'e:1' } },
  { args: ['--advertise', ''], env: { SWARM_ADVERTISE: 'e:1' }, values: { advertise: '' } },
  { args: [], env: { SWARM_ADVERTISE: '' } },
  { args: [], env: { DEBUG: '1' }, values: { verbose: true } },
  { args: ['--verbose=0'], env: { DEBUG: '1' }, values: { verbose: false } },
  { args: [], env: { DEBUG: 'yes' } },
  { args: [], env: { SWARM_HOST: 'a, b' }, values: { host: ['a', 'b'] } },
  // The classic program dropped only the first of the environment's list.
  { args: ['-H', 'c'], env: { SWARM_HOST: 'a,b' }, values: { host: ['c'] } },
];

for (const { args, env = {}, values = {}, positional = [] } of rows) {
  t.test(`parseCommandLine() reads ${JSON.stringify(args)} with ${JSON.stringify(env)}`, async (t) => {
    const parsed = parseCommandLine({ table, args, env });
    t.same(parsed.values, { ...defaults, ...values });
    t.same(parsed.positional, positional);
  });
}

const mistakes = [
  [['--nope'], 'flag provided but not defined: -nope'],
  [['-x=1'], 'flag provided but not defined: -x'],
  [['-vv'], 'flag provided but not defined: -vv'],
  [['---ttl'], 'bad flag syntax: ---ttl'],
  [['-=5'], 'bad flag syntax: -=5'],
  [['--ttl'], 'flag needs an argument: -ttl'],
  [['--verbose=maybe'], 'invalid boolean value "maybe" for -verbose: parse error'],
  [['--retry', 'x'], 'invalid value "x" for flag -retry: parse error'],
] as const;

for (const [args, message] of mistakes) {
  t.test(`parseCommandLine() refuses ${args.join(' ')}`, async (t) =>
    t.throws(() => parseCommandLine({ table, args, env: {} }), { code: 'USAGE', message }),
  );
}

t.test('parseFlags() stops at the first argument that is no flag', async (t) => {
  const parsed = parseFlags({ table, args: ['--verbose', 'join', '--ttl', '5s'], env: {} });
  t.same(parsed.positional, ['join', '--ttl', '5s']);
});

t.test('parseFlags() tells what was given from what was defaulted', async (t) => {
  const { given } = parseFlags({ table, args: ['--ttl', '180s'], env: { DEBUG: '1' } });
  t.same([...given], ['ttl']);
});

for (const args of [['--help'], ['-h'], ['-help'], ['--ttl', '1s', '-h']]) {
  t.test(`parseFlags() hears ${args.join(' ')}`, async (t) =>
    t.ok(parseFlags({ table, args, env: {} }).wantsHelp),
  );
}
