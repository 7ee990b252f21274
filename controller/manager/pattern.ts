// User text as a pattern, in linear time whatever the text: RE2 expressions, and shell globs translated to them.
import { RE2JS } from 're2js';

export type Matcher = (text: string) => boolean;

// Names and labels are short; a longer pattern has no use, and compiling costs memory in proportion.
const maxPatternLength = 1024;

/** Matches what is equal to `pattern`, or what it finds as a regular expression; one that does not compile is only text. */
export function matchRegex(pattern: string): Matcher {
  if (/^[\w-]*$/.test(pattern)) return (text) => text.includes(pattern);
  const compiled = compile(pattern);
  return (text) => text === pattern || (compiled?.matcher(text).find() ?? false);
}

/** Matches a whole text by a glob: `*` and `?` do not cross slashes, `[a-z]` and `\` as in Go's path.Match. */
export function matchGlob(pattern: string): Matcher {
  if (!/[*?[\\]/.test(pattern)) return (text) => text === pattern;
  const compiled = compile(`^(?:${globSource(pattern)})$`);
  return (text) => text === pattern || (compiled?.matcher(text).find() ?? false);
}

function compile(source: string): RE2JS | undefined {
  if (source.length > maxPatternLength) return undefined;
  try {
    return RE2JS.compile(source);
  } catch {
    return undefined;
  }
}

function globSource(pattern: string): string {
  return pattern.replace(/\\(.)|\[(\^?)([^\]]*)\]|[*?]|[.+^${}()|[\]\\]/g, (token, escaped, negated, set) => {
    if (typeof escaped === 'string') return escaped.replace(/\W/g, '\\$&');
    if (typeof set === 'string') return `[${String(negated)}${set.replace(/[[\\]/g, '\\$&')}]`;
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    return `\\${token}`;
  });
}
