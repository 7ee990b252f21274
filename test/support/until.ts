// Waiting for a condition. The bound only decides how long a failure takes, so it is far more than a busy machine needs.

const boundMs = 60_000;

/** Asks until it is so. @throws after a minute, with `what` */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what = isSo.toString(),
  options: { readonly everyMs?: number } = {},
): Promise<void> {
  const { everyMs = 20 } = options;
  const endsAt = performance.now() + boundMs;
  while (!(await isSo())) {
    if (performance.now() > endsAt) throw new Error(`not within ${boundMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
