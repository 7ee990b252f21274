// Turns the value of an expression into a matcher, in the language classic swarm had, at a bounded cost.
//
// `/…/` is an RE2 regular expression, unanchored. Any other value was regular expression text too, with `*` as glob and
// the whole anchored: a value of plain characters, `*` and `.` is matched by the glob matcher, and one that uses other
// metacharacters by RE2, both with the same meaning. JavaScript's own RegExp is never used: its backtracking lets one
// value stop the manager for minutes.
import { RE2JS } from 're2js';
import { messageOf } from '../base/errors.js';
import { matchGlob } from './glob.js';

export interface Matcher {
  readonly matches: (text: string) => boolean;
  /** Why this value can never match; absent when it can. */
  readonly problem?: string;
}

// RE2 needs pattern × text steps; with both bounded the worst match takes some 30 ms.
const longestPattern = 256;
const longestText = 4096;

/** Compiles a value. Never throws: a value that cannot be used matches nothing and says why. */
export function compileMatcher(value: string): Matcher {
  if (value.length > 1 && value.startsWith('/') && value.endsWith('/')) {
    return compileRegularExpression(value, value.slice(1, -1));
  }
  if (/[()?+[\]\\^$|]/.test(value)) {
    return compileRegularExpression(value, `^${value.replaceAll('*', '.*')}$`);
  }
  if (value.includes('*')) {
    if (value.length > longestPattern) return never(`pattern is longer than ${longestPattern} characters`);
    return remembering((text) => text.length <= longestText && matchGlob(value, text));
  }
  if (value.includes('.')) return { matches: (text) => matchGlob(value, text) };
  return { matches: (text) => text === value };
}

function compileRegularExpression(value: string, pattern: string): Matcher {
  if (value.length > longestPattern) {
    return never(`regular expression is longer than ${longestPattern} characters`);
  }
  try {
    const compiled = RE2JS.compile(pattern);
    return remembering((text) => text.length <= longestText && compiled.test(text));
  } catch (error) {
    return never(messageOf(error));
  }
}

function never(problem: string): Matcher {
  return { matches: () => false, problem };
}

// Thousands of containers share few distinct label values; each is matched once. The matcher, and this memory with
// it, lives as long as one request.
function remembering(matches: (text: string) => boolean): Matcher {
  const known = new Map<string, boolean>();
  return {
    matches: (text) => {
      const before = known.get(text);
      if (before !== undefined) return before;
      const result = matches(text);
      known.set(text, result);
      return result;
    },
  };
}
