// The forms docker-machine printed. What real shells make of them is in the integration tests.
import t from 'tap';
import { chooseShell, formatShellEnv, shells, type Shell } from '../../../controller/machine/shell-env.js';

const forms: Readonly<
  Record<Shell, { readonly set: string; readonly unset: string; readonly hint: string }>
> = {
  bash: { set: 'export K="V"', unset: 'unset K', hint: '# eval $(CMD)' },
  zsh: { set: 'export K="V"', unset: 'unset K', hint: '# eval $(CMD)' },
  sh: { set: 'export K="V"', unset: 'unset K', hint: '# eval $(CMD)' },
  fish: { set: 'set -gx K "V";', unset: 'set -e K;', hint: '# eval (CMD)' },
  powershell: { set: '$Env:K = "V"', unset: 'Remove-Item Env:\\\\K', hint: '# & CMD | Invoke-Expression' },
  cmd: { set: 'SET K=V', unset: 'SET K=', hint: `REM \t@FOR /f "tokens=*" %i IN ('CMD') DO @%i` },
  tcsh: { set: 'setenv K "V";', unset: 'unsetenv K;', hint: ': eval `CMD`' },
  emacs: {
    set: '(setenv "K" "V")',
    unset: '(setenv "K" nil)',
    hint: ';; (with-temp-buffer (shell-command "CMD" (current-buffer)) (eval-buffer))',
  },
};

t.test('formatShellEnv() prints the form of each shell and two lines on how to use it', (t) => {
  for (const shell of shells) {
    const { set, unset, hint } = forms[shell];
    const variables = [['K', 'V']] as const;
    const comment = hint.split(' ')[0] ?? '';
    const usage = `${comment} Run this command to configure your shell: \n${hint}\n`;
    t.equal(formatShellEnv({ shell, variables, commandHint: 'CMD' }), `${set}\n${usage}`, shell);
    t.equal(
      formatShellEnv({ shell, variables, unset: true, commandHint: 'CMD' }),
      `${unset}\n${usage}`,
      `${shell}, unset`,
    );
  }
  t.end();
});

t.test('formatShellEnv() keeps special characters from the other shells', (t) => {
  const cases: readonly (readonly [Shell, string])[] = [
    ['fish', 'set -gx K "a\\$b\\"c\\\\";'],
    ['powershell', '$Env:K = "a`$b`"c\\"'],
    ['tcsh', 'setenv K "a"\\$"b"\\""c"\\\\"";'],
    ['emacs', '(setenv "K" "a$b\\"c\\\\")'],
  ];
  for (const [shell, line] of cases) {
    const text = formatShellEnv({ shell, variables: [['K', 'a$b"c\\']], commandHint: 'x' });
    t.equal(text.split('\n')[0], line, shell);
  }
  const text = formatShellEnv({ shell: 'cmd', variables: [['K', 'a&b|c^d']], commandHint: 'x' });
  t.equal(text.split('\n')[0], 'SET K=a^&b^|c^^d', 'cmd');
  t.end();
});

t.test('formatShellEnv() refuses what no shell takes in one line', (t) => {
  for (const variable of [
    ['K', 'a\nb'],
    ['K', 'a\0b'],
    ['K;id', 'x'],
    ['', 'x'],
  ] as const) {
    t.throws(() => formatShellEnv({ shell: 'sh', variables: [variable], commandHint: 'x' }), {
      code: 'USAGE',
    });
  }
  t.end();
});

t.test('chooseShell() takes the choice, else the login shell', (t) => {
  const cases = [
    [undefined, '/bin/bash', 'bash'],
    [undefined, '/usr/bin/fish', 'fish'],
    [undefined, '/usr/sbin/nologin', 'sh'],
    ['powershell', '/bin/bash', 'powershell'],
    ['pwsh', undefined, 'powershell'],
    ['csh', undefined, 'tcsh'],
  ] as const;
  for (const [choice, login, shell] of cases) t.equal(chooseShell(choice, login), shell);
  t.throws(() => chooseShell(undefined, undefined), { code: 'USAGE', message: /SHELL is not set/ });
  t.throws(() => chooseShell('foo', '/bin/sh'), { code: 'USAGE', message: /must be one of bash, zsh/ });
  t.end();
});
