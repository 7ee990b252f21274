// Tests of the program around the commands: help, version, log level, unknown words, how errors are told.
import t from 'tap';
import { runProgram } from '../../../cmd/swarm/program.js';
import { SwarmEnvironment } from '../../support/swarm-environment.js';

async function swarm(
  args: readonly string[],
  options: ConstructorParameters<typeof SwarmEnvironment>[0] = {},
): Promise<{ code: number; out: string; err: string }> {
  const environment = new SwarmEnvironment(options);
  const code = await runProgram(args, environment);
  return { code, out: environment.out, err: environment.err };
}

for (const args of [[], ['--help'], ['-h'], ['help'], ['h']]) {
  t.test(`swarm ${args.join(' ')} shows the help of the program`, async (t) => {
    const { code, out, err } = await swarm(args);
    t.match({ code, err }, { code: 0, err: '' });
    t.match(out, /^Usage: swarm \[OPTIONS\] COMMAND/);
    for (const name of ['create, c', 'list, l', 'manage, m', 'join, j', 'discovery, d', 'help'])
      t.match(out, name);
    t.match(out, "Run 'swarm COMMAND --help'");
  });
}

for (const [name, alias] of [
  ['create', 'c'],
  ['list', 'l'],
  ['manage', 'm'],
  ['join', 'j'],
  ['discovery', 'd'],
] as const) {
  for (const args of [
    [name, '--help'],
    [alias, '-h'],
    ['help', name],
  ]) {
    t.test(`swarm ${args.join(' ')} shows the help of ${name}`, async (t) => {
      const { code, out } = await swarm(args);
      t.equal(code, 0);
      t.match(out, new RegExp(`^Usage: swarm ${name} \\[OPTIONS\\]`));
    });
  }
}

t.test('help names every flag with its default and its variable, no line wider than 100', async (t) => {
  const { out } = await swarm(['join', '--help']);
  t.match(
    out,
    /--advertise, --addr HOST:PORT\s+Address at which managers reach the engine \[\$SWARM_ADVERTISE\]/,
  );
  t.match(out, /--heartbeat DURATION\s+Time between two registrations \(default 60s\)/);
  t.match(out, 'token://<host:port>');
  const manage = await swarm(['manage', '--help']);
  t.match(manage.out, /--cluster-opt KEY=VALUE[^]*swarm\.overcommit=0\.05[^]*swarm\.createretry=0/);
  t.notOk(`${out}${manage.out}`.split('\n').some((line) => line.length > 100));
});

for (const args of [['--version'], ['-v'], ['-version']]) {
  t.test(`swarm ${args.join(' ')} prints the version`, async (t) => {
    const { code, out } = await swarm(args);
    t.match({ code, out }, { code: 0, out: /^swarm version 1\.0\.0 \(.*\)\n$/ });
  });
}

for (const args of [['foo'], ['help', 'foo']]) {
  t.test(`swarm ${args.join(' ')} is no error`, async (t) => {
    t.match(await swarm(args), { code: 0, out: "No help topic for 'foo'\n" });
  });
}

for (const args of [['-l', 'x', 'join'], ['--log-level=x']]) {
  t.test(`swarm ${args.join(' ')} refuses the level`, async (t) => {
    t.match(await swarm(args), { code: 1, err: /^\S+ \S+ not a valid logrus Level: "x"\n$/ });
  });
}

for (const level of ['debug', 'info', 'warn', 'warning', 'error', 'fatal', 'panic', 'INFO']) {
  t.test(`swarm --log-level ${level} is accepted`, async (t) =>
    t.equal((await swarm(['--log-level', level])).code, 0),
  );
}

t.test('a mistake in flags is told with where to find help', async (t) => {
  t.match(await swarm(['join', '--nope']), {
    code: 1,
    out: '',
    err: "Incorrect Usage.\n\nflag provided but not defined: -nope\nSee 'swarm join --help'.\n",
  });
  t.match(await swarm(['--nope', 'join']), {
    code: 1,
    err: "Incorrect Usage.\n\nflag provided but not defined: -nope\nSee 'swarm --help'.\n",
  });
});

t.test(
  'join and manage tell errors as log lines on stdout, create and list as dated lines on stderr',
  async (t) => {
    t.match(await swarm(['join']), {
      code: 1,
      out: /^time="2026-01-01T00:00:00Z" level=fatal msg="discovery required to join a cluster\..*"\n$/,
      err: '',
    });
    t.match(await swarm(['join'], { isTty: true }), {
      code: 1,
      out: /^FATA\[0000\] discovery required to join a cluster\. See 'swarm join --help'\.\n$/,
    });
    t.match(await swarm(['list']), {
      code: 1,
      out: '',
      err: /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d discovery required to list a cluster\. See 'swarm list --help'\.\n$/,
    });
  },
);

t.test('an error of discovery comes with the next step', async (t) => {
  t.match(await swarm(['list', 'consul://h/x']), {
    code: 1,
    err: /Cannot use discovery "consul": this version supports token:\/\/, file:\/\/ and nodes:\/\/.*\nUse token:\/\//,
  });
  t.match(await swarm(['join', '--advertise', 'a:1', 'ftp://x']), {
    code: 1,
    out: /level=fatal msg="discovery service not supported" hint="Use token:.*"\n$/,
  });
});
