// Another host may answer at the address of a Node: one whose address was given away, or a machine that was set up anew.
// Nothing is done there until somebody says that it is meant.
import { createHash } from 'node:crypto';
import { formatHostPort, type HostPort } from '../api/engine-address.js';
import { annotations, containerLabels } from '../api/labels.js';
import type { Node } from '../api/resources.js';
import { SwarmError } from '../base/errors.js';
import { canonicalJson } from '../base/json.js';
import type { EngineDescription } from '../engine/engine-description.js';
import type { EngineReading } from './observe-engine.js';

/** An engine by what it says of itself. */
export type Stranger = Pick<EngineDescription, 'id' | 'name'>;

/**
 * What of the manifest an engine's identity belongs to; a change of it brings another engine on purpose.
 * @returns undefined of machines of swarmctl's own: they are what their record says
 */
export function engineSpecHash({ spec }: Pick<Node, 'spec'>): string | undefined {
  if (spec.engine === undefined) return undefined;
  return createHash('sha256').update(canonicalJson(spec.engine)).digest('hex').slice(0, 16);
}

/**
 * Whether the engine that was just read is not the one that the status speaks of. One that still has the Node's
 * containers is the same one with a new ID.
 * @param node with the status as it was before this look
 */
export function isStranger(
  node: Node,
  { engine, observation }: EngineReading,
  installation: string,
): boolean {
  const { metadata, status } = node;
  const before = status?.engine;
  if (before?.specHash === undefined || before.specHash !== engineSpecHash(node)) return false;
  if (before.id === engine.id || metadata.annotations?.[annotations.acceptEngine] === engine.id) return false;
  return !observation.containers.some(
    ({ labels }) =>
      labels[containerLabels.installation] === installation && labels[containerLabels.node] === metadata.name,
  );
}

/** @param o.owner the other Node whose engine it is */
export function strangerError(
  { metadata, status }: Node,
  stranger: Stranger,
  o: { readonly address: HostPort; readonly owner: string | undefined },
): SwarmError {
  const { name } = metadata;
  const describe = (engine: { readonly id?: string; readonly name?: string } | undefined): string =>
    `ID ${engine?.id ?? ''}, host ${engine?.name ?? ''}`;
  const message =
    `Cannot use engine "${name}": another engine answers at ${formatHostPort(o.address)} (${describe(stranger)}) ` +
    `than before (${describe(status?.engine)}), and it has none of the node's containers; nothing is done there`;
  return o.owner === undefined
    ? new SwarmError('ENGINE_REPLACED', message, {
        hint: `If Docker or its host was set up anew there, say so: swarmctl approve node/${name}; else correct spec.engine.address, or give the host its address back`,
      })
    : new SwarmError('ENGINE_REPLACED', `${message}; it is the engine of node "${o.owner}"`, {
        hint: 'Correct spec.engine.address of the two nodes, or give the hosts their addresses back',
      });
}
