// Numbers that look random and are the same again for the same seed.

/** @returns numbers in [0, 1): a linear congruential generator, of which the upper bits are used */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  // The first ones are as near to each other as their seeds.
  next();
  return next;
}
