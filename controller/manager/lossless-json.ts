// JSON in and out without rounding: integers that a double cannot hold travel as marked strings and leave as they came.

// A private-use character cannot be confused with what engines write, and survives JSON.stringify unescaped.
const mark = '\uE000int:';
// Numbers of 16 digits and more may be above 2^53; shorter ones never are. The first branch skips whole strings.
const longNumber = /"(?:[^"\\]|\\.)*"|(?<![\d.])-?\d{16,}(?![\d.eE])/g;
const markedNumber = /"\uE000int:(-?\d+)"/g;

/** @throws SyntaxError as JSON.parse does */
export function parseJson(text: string): unknown {
  const safe = /\d{16}/.test(text)
    ? text.replace(longNumber, (token) =>
        token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${mark}${token}"`,
      )
    : text;
  return JSON.parse(safe) as unknown;
}

export function stringifyJson(value: unknown): string {
  const text = JSON.stringify(value);
  return text.includes(mark) ? text.replace(markedNumber, '$1') : text;
}
