// How many of something, for people.

/** `1 file`, `2 files`. @param noun with a plural in s */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
