// Colour where it helps and never alone: off without a terminal, with NO_COLOR, and in pipes.
import type { CommandContext } from '../command-context.js';

const codes = { green: 32, red: 31, yellow: 33, dim: 2, bold: 1 } as const;

export type Colour = keyof typeof codes;

/** Text for stderr in a colour, or as it is. */
export function paint(context: Pick<CommandContext, 'isTty' | 'env'>, colour: Colour, text: string): string {
  return hasColour(context) ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text;
}

function hasColour({ isTty, env }: Pick<CommandContext, 'isTty' | 'env'>): boolean {
  if ((env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb') return false;
  const forced = env['FORCE_COLOR'] ?? env['CLICOLOR_FORCE'] ?? '';
  return isTty || (forced !== '' && forced !== '0');
}
