// What a bench run was asked for, by the variables of `make bench`.
import type { Mode } from './world.js';

export interface Settings {
  readonly engines: number;
  readonly containersPerEngine: number;
  /** Names of the rows to run. */
  readonly rows: readonly string[];
  readonly modes: readonly Mode[];
  readonly isProfiled: boolean;
  /** The command that says the same. */
  readonly command: string;
}

export const modes: readonly Mode[] = ['plain', 'tls', 'real'];

/** @throws Error naming the variable that cannot be used */
export function readSettings(env: NodeJS.ProcessEnv, rowNames: readonly string[]): Settings {
  const count = (name: string, usual: number): number => {
    const text = env[name] ?? '';
    const value = text === '' ? usual : Number(text);
    if (!Number.isInteger(value) || value < 1)
      throw new Error(`${name} must be a whole number, not "${text}"`);
    return value;
  };
  const chosen = (name: string, known: readonly string[]): readonly string[] => {
    const wanted = (env[name] ?? '').split(',').filter((word) => word !== '');
    const unknown = wanted.filter((word) => !known.includes(word));
    if (unknown.length > 0)
      throw new Error(`${name} can be any of ${known.join(', ')}, not "${unknown.join(', ')}"`);
    return wanted.length === 0 ? known : known.filter((word) => wanted.includes(word));
  };
  const given = ['ENGINES', 'CONTAINERS', 'ROWS', 'MODES', 'PROFILE'].flatMap((name) => {
    const text = env[name] ?? '';
    return text === '' ? [] : [`${name}=${text}`];
  });
  return {
    engines: count('ENGINES', 1_000),
    containersPerEngine: count('CONTAINERS', 30),
    rows: chosen('ROWS', rowNames),
    modes: chosen('MODES', modes) as readonly Mode[], // chosen from `modes`
    isProfiled: env['PROFILE'] === '1',
    command: ['make bench', ...given].join(' '),
  };
}
