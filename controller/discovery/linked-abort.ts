// An abort signal that follows others and can be let go again. AbortSignal.any cannot: on a signal that lives as long as the
// process, every short-lived follower would leave something behind.

export interface LinkedAbort {
  readonly signal: AbortSignal;
  abort(reason?: Error): void;
  /** Stops following; must be called when the work is done. */
  release(): void;
}

export function linkAbort(...parents: readonly AbortSignal[]): LinkedAbort {
  const controller = new AbortController();
  const follow = (event: Event): void => {
    const parent = event.target instanceof AbortSignal ? event.target : undefined;
    controller.abort(parent?.reason);
  };
  for (const parent of parents) {
    if (parent.aborted) controller.abort(parent.reason);
    else parent.addEventListener('abort', follow, { once: true });
  }
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release: () => {
      for (const parent of parents) parent.removeEventListener('abort', follow);
    },
  };
}
