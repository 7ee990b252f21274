// Range patterns in static lists: `10.0.0.[11:100]:2375` stands for ninety entries.
import { SwarmError } from '../base/errors.js';

// One item may name at most a /16 of engines; more is a slip of the finger that would fill the memory.
const mostMembers = 65_536;

/**
 * Expands one item. Numbers are inclusive and not padded; `from > to` gives nothing; brackets around anything but two
 * integers are literal text, which is what keeps `[::1]:2375` whole. One range per item: with two, the text from the
 * first bracket to the last counts as one, is no pair of integers, and stays as it is.
 * @throws {DISCOVERY_INVALID} when the range has more than 65,536 members
 */
export function expandRangePattern(item: string): string[] {
  const match = /^([^]*?)\[(.+):(.+)\]([^]*)$/.exec(item);
  const [, before = '', from = '', to = '', after = ''] = match ?? [];
  if (!isInteger(from) || !isInteger(to)) return [item];
  const first = Number(from);
  const last = Number(to);
  if (last - first >= mostMembers) {
    throw new SwarmError(
      'DISCOVERY_INVALID',
      `Cannot expand "${item}": a range must not have more than ${mostMembers} members`,
    );
  }
  const count = Math.max(0, last - first + 1);
  return Array.from({ length: count }, (_unused, index) => `${before}${first + index}${after}`);
}

function isInteger(text: string): boolean {
  return /^[+-]?\d{1,15}$/.test(text);
}
