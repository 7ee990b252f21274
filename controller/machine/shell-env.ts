// Prints the lines that set or unset variables in a shell, in the forms docker-machine printed, with values quoted so
// that no value can become a command. Pure text.
import { SwarmError } from '../base/errors.js';

export const shells = ['bash', 'zsh', 'sh', 'fish', 'powershell', 'cmd', 'tcsh', 'emacs'] as const;
export type Shell = (typeof shells)[number];

interface Dialect {
  readonly set: (name: string, value: string) => string;
  readonly unset: (name: string) => string;
  /** Start of a comment line. */
  readonly comment: string;
  /** How a shell takes in what a command prints. */
  readonly evaluate: (command: string) => string;
}

const posix: Dialect = {
  set: (name, value) => `export ${name}="${value.replace(/["\\$`]/g, '\\$&')}"`,
  unset: (name) => `unset ${name}`,
  comment: '#',
  evaluate: (command) => `eval $(${command})`,
};

const dialects: Readonly<Record<Shell, Dialect>> = {
  bash: posix,
  zsh: posix,
  sh: posix,
  fish: {
    set: (name, value) => `set -gx ${name} "${value.replace(/["\\$]/g, '\\$&')}";`,
    unset: (name) => `set -e ${name};`,
    comment: '#',
    evaluate: (command) => `eval (${command})`,
  },
  powershell: {
    set: (name, value) => `$Env:${name} = "${value.replace(/["`$]/g, '`$&')}"`,
    unset: (name) => `Remove-Item Env:\\\\${name}`,
    comment: '#',
    evaluate: (command) => `& ${command} | Invoke-Expression`,
  },
  cmd: {
    // No quotes: cmd would make them part of the value.
    set: (name, value) => `SET ${name}=${value.replace(/[&|<>^]/g, '^$&')}`,
    unset: (name) => `SET ${name}=`,
    comment: 'REM',
    evaluate: (command) => `\t@FOR /f "tokens=*" %i IN ('${command}') DO @%i`,
  },
  tcsh: {
    // Inside double quotes tcsh has no escape: each special character is put between two quoted parts.
    set: (name, value) => `setenv ${name} "${value.replace(/["\\$`!]/g, '"\\$&"')}";`,
    unset: (name) => `unsetenv ${name};`,
    comment: ':',
    evaluate: (command) => `eval \`${command}\``,
  },
  emacs: {
    set: (name, value) => `(setenv "${name}" "${value.replace(/["\\]/g, '\\$&')}")`,
    unset: (name) => `(setenv "${name}" nil)`,
    comment: ';;',
    evaluate: (command) => `(with-temp-buffer (shell-command "${command}" (current-buffer)) (eval-buffer))`,
  },
};

/**
 * The lines for one shell, closed by two lines that say how to use them.
 * @param options.variables name and value, printed in this order; `unset` ignores the values
 * @param options.commandHint the command line that prints this, for the closing lines
 */
export function formatShellEnv(options: {
  readonly shell: Shell;
  readonly variables: readonly (readonly [name: string, value: string])[];
  readonly unset?: boolean;
  readonly commandHint: string;
}): string {
  const dialect = dialects[options.shell];
  const lines = options.variables.map(([name, value]) => {
    checkVariable(name, value);
    return options.unset === true ? dialect.unset(name) : dialect.set(name, value);
  });
  return [
    ...lines,
    `${dialect.comment} Run this command to configure your shell: `,
    `${dialect.comment} ${dialect.evaluate(options.commandHint)}`,
    '',
  ].join('\n');
}

/**
 * The shell to print for: the user's choice, else the name of the login shell.
 * @param loginShell content of SHELL; the shell that runs now may be another one, which nothing tells us
 * @throws {USAGE} when neither names a shell we know
 */
export function chooseShell(choice: string | undefined, loginShell: string | undefined): Shell {
  const named = choice ?? loginShell?.split('/').at(-1) ?? '';
  if (named === '') {
    throw new SwarmError('USAGE', 'Cannot find out the shell: SHELL is not set', {
      hint: `Name it with --shell: ${shells.join(', ')}`,
    });
  }
  const aliases: Readonly<Record<string, Shell>> = {
    csh: 'tcsh',
    pwsh: 'powershell',
    dash: 'sh',
    ash: 'sh',
    ksh: 'sh',
  };
  const shell = shells.find((known) => known === named) ?? aliases[named];
  if (shell !== undefined) return shell;
  // A login shell we do not know most likely reads what sh reads; a wrong --shell is a typing error.
  if (choice === undefined) return 'sh';
  throw new SwarmError('USAGE', `Cannot print for shell "${choice}": it must be one of ${shells.join(', ')}`);
}

/** Line ends would end the statement in several shells, however they are quoted. */
function checkVariable(name: string, value: string): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || /[\r\n\0]/.test(value)) {
    throw new SwarmError(
      'USAGE',
      `Cannot print variable "${name}": no shell can take its name or value in one line`,
    );
  }
}
