// Containers that a create body ties itself to: they share volumes, links or namespaces, so they share the engine.
import { stringAt, type JsonObject } from '../base/json.js';

export interface Dependency {
  /** The option as a user of the docker CLI writes it: `--volumes-from=b1:ro`. */
  readonly text: string;
  /** Name or ID of the container, without a leading slash. */
  readonly container: string;
}

export function readDependencies(hostConfig: JsonObject): readonly Dependency[] {
  return [
    ...listed(hostConfig, { field: 'VolumesFrom', option: '--volumes-from' }),
    ...listed(hostConfig, { field: 'Links', option: '--link' }),
    ...joined(hostConfig, { field: 'NetworkMode', option: '--net' }),
    ...joined(hostConfig, { field: 'IpcMode', option: '--ipc' }),
    ...joined(hostConfig, { field: 'PidMode', option: '--pid' }),
  ];
}

interface Source {
  readonly field: string;
  readonly option: string;
}

/** Entries of the form `<container>[:<rest>]`. */
function listed(hostConfig: JsonObject, { field, option }: Source): readonly Dependency[] {
  const entries: unknown = hostConfig[field];
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: unknown) =>
    typeof entry === 'string' ? [dependency(`${option}=${entry}`, entry.split(':')[0] ?? '')] : [],
  );
}

/** A namespace of the form `container:<container>`. */
function joined(hostConfig: JsonObject, { field, option }: Source): readonly Dependency[] {
  const mode = stringAt(hostConfig, field) ?? '';
  return mode.startsWith('container:')
    ? [dependency(`${option}=${mode}`, mode.slice('container:'.length))]
    : [];
}

function dependency(text: string, reference: string): Dependency {
  return { text, container: reference.replace(/^\//, '') };
}
