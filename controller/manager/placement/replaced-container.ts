// The container that a create is to replace: compose makes the new one while the old one is there, and that is stopped
// before the new one starts, so what the old one holds is free by then.
import type { CachedContainer } from '../../engine/cluster-view.js';
import type { PlaceOptions } from './place-options.js';

const projectLabel = 'com.docker.compose.project';
const replaceLabel = 'com.docker.compose.replace';

/** @returns tells the replaced container from others; undefined when the create replaces none */
export function replacedBy({
  request: { labels },
  name,
}: Pick<PlaceOptions, 'request' | 'name'>): ((container: CachedContainer) => boolean) | undefined {
  const project = labels[projectLabel];
  if (project === undefined) return undefined;
  const replaced = labels[replaceLabel];
  if (replaced === undefined) {
    // Compose 1 stops the old one first, and gives it another name.
    // Labels last: those of thousands of containers would have to be read.
    return (container) =>
      container.names.some((own) => own.endsWith(name) && own === `${container.id.slice(0, 12)}_${name}`) &&
      container.labels[projectLabel] === project;
  }
  // Compose 2 said the ID first; later versions the name of the service, and have the ID in front of the new name.
  const digits = /^[0-9a-f]{64}$/.test(replaced) ? replaced : /^([0-9a-f]{12})_/.exec(name)?.[1];
  if (digits === undefined) return undefined;
  return (container) => container.id.startsWith(digits) && container.labels[projectLabel] === project;
}
