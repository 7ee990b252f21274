// Decisions about single containers, kept while nothing of what they were made from changed: a fleet is planned anew after
// every look at one engine, and of a thousand engines it is only that one that is different.
import type { DesiredContainer } from './desired-container.js';
import type { DriftHold, ObservedContainer } from './observation.js';
import { decideContainer, type ContainerDecision } from './plan-container.js';

interface Kept {
  readonly containers: readonly ObservedContainer[];
  readonly settled: string | undefined;
  readonly hold: DriftHold | undefined;
  readonly installation: string;
  readonly decision: ContainerDecision;
}

export type Decide = typeof decideContainer;

export class DecisionMemo {
  /** Goes with the desired container, which is made anew when the cluster's spec changes. */
  readonly #kept = new WeakMap<DesiredContainer, Kept>();

  /** Like `decideContainer`; what it is given must not be changed afterwards. */
  readonly decide: Decide = (desired, options) => {
    const { engine, installation } = options;
    const { containers } = engine;
    const [settled, hold] = [engine.settled?.[desired.name], engine.holds?.[desired.name]];
    const kept = this.#kept.get(desired);
    if (
      kept !== undefined &&
      kept.containers === containers &&
      kept.settled === settled &&
      kept.hold === hold &&
      kept.installation === installation
    ) {
      return kept.decision;
    }
    const decision = decideContainer(desired, options);
    this.#kept.set(desired, { containers, settled, hold, installation, decision });
    return decision;
  };
}
