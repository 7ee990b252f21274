// `--strategy`, `--filter` and `--container-names` of `swarm manage`.
import type { ManageOptions } from '../manage-options.js';
import { mistake } from '../validation.js';

const strategies: Readonly<Record<string, ManageOptions['strategy']>> = {
  spread: 'spread',
  binpack: 'binpack',
  binpacking: 'binpack',
  random: 'random',
};

/** All filters, in the order in which they apply when none is named. */
const filterNames = [
  'health',
  'port',
  'containerslots',
  'dependency',
  'affinity',
  'constraint',
  'whitelist',
] as const satisfies ManageOptions['filters'];

/** @throws {USAGE} */
export function parseStrategy(name: string): ManageOptions['strategy'] {
  const strategy = Object.hasOwn(strategies, name) ? strategies[name] : undefined;
  if (strategy === undefined) throw mistake('strategy not supported');
  return strategy;
}

/** @throws {USAGE} */
export function parseFilters(names: readonly string[]): ManageOptions['filters'] {
  if (names.length === 0) return filterNames;
  return names.map((name) => {
    const filter = filterNames.find((known) => known === name);
    if (filter === undefined) throw mistake('filter not supported');
    return filter;
  });
}

/** @throws {USAGE} */
export function parseContainerNames(text: string): ManageOptions['containerNames'] {
  const style = (['auto', 'plain', 'node'] as const).find((known) => known === text);
  if (style === undefined) {
    throw mistake(`--container-names must be auto, plain or node, ${JSON.stringify(text)} is invalid`);
  }
  return style;
}
