// Objects that are defined more than once: reported at every place, because no order of files may decide.
import { formatKey } from '../api/object-key.js';
import { formatPosition, keyOf, type ManifestObject, type ManifestProblem } from './manifest-problem.js';

export function findDuplicates(objects: readonly ManifestObject[]): ManifestProblem[] {
  const groups = new Map<string, ManifestObject[]>();
  for (const object of objects) {
    const id = formatKey(keyOf(object));
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [object]);
    else group.push(object);
  }
  return [...groups.values()].flatMap((group) =>
    group.length < 2 ? [] : group.map((object) => duplicateProblem(object, group)),
  );
}

function duplicateProblem(object: ManifestObject, group: readonly ManifestObject[]): ManifestProblem {
  const { kind, metadata } = object.resource;
  const others = group.filter((other) => other !== object).map((other) => formatPosition(other.position));
  return {
    ...object.position,
    message: `Cannot use ${kind.toLowerCase()} "${metadata.name}": it is also defined at ${others.join(', ')}`,
  };
}
