// Glob matching in time linear in practice and bounded always: two pointers and one remembered star, no recursion.

/**
 * Whether `pattern` matches all of `text`: `*` is any run of characters, `.` any one character, all else itself.
 * Neither wildcard matches a line feed, as in RE2. At worst pattern length × text length steps.
 */
export function matchGlob(pattern: string, text: string): boolean {
  return matchCharacters(characters(pattern), characters(text));
}

type Characters = string | readonly string[];

function matchCharacters(pattern: Characters, text: Characters): boolean {
  let at = 0;
  let next = 0;
  let star = -1;
  let resumeAt = 0;
  while (at < text.length) {
    const wanted = pattern[next];
    if (wanted === '*') {
      star = next;
      resumeAt = at;
      next += 1;
    } else if (wanted === text[at] || (wanted === '.' && text[at] !== '\n')) {
      at += 1;
      next += 1;
    } else if (star >= 0 && text[resumeAt] !== '\n') {
      // The last star takes one character more; an earlier star never has to, because the last one already can.
      resumeAt += 1;
      at = resumeAt;
      next = star + 1;
    } else {
      return false;
    }
  }
  while (pattern[next] === '*') next += 1;
  return next === pattern.length;
}

// A dot is one character as people count them, so text with surrogate pairs is split into code points.
function characters(text: string): Characters {
  return /[\ud800-\udfff]/.test(text) ? Array.from(text) : text;
}
