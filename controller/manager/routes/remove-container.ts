// DELETE /containers/{id}: also of a container whose engine does not answer, and with the other copies of one that was
// rescheduled, so that what a user removed stays away when an engine comes back.
import type { CachedContainer, ClusterView } from '../../engine/cluster-view.js';
import { swarmIdLabel } from '../../engine/container-row.js';
import { replacedIds } from '../../engine/superseded.js';
import { answerWithin } from '../call-engine.js';
import { findContainer, isReachable, unreachable } from '../find-container.js';
import { forwardChange, replySmall } from '../forward.js';
import { isTrue } from '../query.js';
import type { RemovalDebt } from '../removal-debts.js';
import { replyEmpty } from '../reply.js';
import { param, type RouteContext, type RouteHandler } from '../route-context.js';

export const removeContainer: RouteHandler = async (context) => {
  const { cluster, removals } = context.services;
  const container = findContainer(cluster, param(context, 'id'));
  if (!isReachable(container.engine)) return removeUnreachable(context, container);
  const { id, engine } = container;
  const left = otherCopies(context, container);
  // Between the removal and its record nothing may be started in its place.
  const release = removals.hold([id, ...left.map((copy) => copy.id)]);
  try {
    const answer = await forwardChange(context, {
      engine,
      path: `/containers/${id}`,
      answerWithinMs: answerWithin.slow,
    });
    if (answer.status < 400) await removals.add(left);
    if (answer.status < 400 || answer.status === 404) {
      await cluster.refreshContainer(engine, id);
      if (isTrue(context.query.get('v'))) await cluster.refreshVolumes(engine);
    }
    replySmall(context, answer);
  } finally {
    release();
  }
};

/** With force, it is gone for everybody now, and for its engine when that is back. @throws ApiError 503 without */
async function removeUnreachable(context: RouteContext, container: CachedContainer): Promise<void> {
  const { removals, logger } = context.services;
  const { engine, names, id } = container;
  const isForced = isTrue(context.query.get('force')) && !isTrue(context.query.get('link'));
  if (!isForced || engine.id === '') throw unreachable(container, { reference: param(context, 'id') });
  const withVolumes = isTrue(context.query.get('v'));
  await removals.add([debtOf(context, container, withVolumes), ...otherCopies(context, container)]);
  logger.info(
    `Container ${names[0] ?? id} is removed; node ${engine.name} removes it when it answers again`,
    {
      id,
    },
  );
  replyEmpty(context.response, 204);
}

/**
 * What was made to replace the container or was replaced by it, and is not to be seen: it would show when this one is
 * gone. The data of such a copy is older or newer than what the user sees, so its volumes stay.
 */
function otherCopies(context: RouteContext, container: CachedContainer): readonly RemovalDebt[] {
  const { cluster, clock } = context.services;
  const swarmId = container.labels[swarmIdLabel] ?? '';
  const made = cluster
    .replacementsOf(container.id)
    .filter(({ labels }) => swarmId !== '' && labels[swarmIdLabel] === swarmId);
  const replaced = replacedIds(container).flatMap((id): readonly (CachedContainer | string)[] => {
    const copies = cluster.containersWithId(id);
    return copies.length > 0 ? copies : [id];
  });
  return [...made, ...replaced].flatMap((copy) => {
    if (typeof copy !== 'string') return isVisible(cluster, copy) ? [] : [debtOf(context, copy, false)];
    // Its engine has left discovery: it is met by its ID when it returns.
    const name = container.names[0] ?? '';
    return [{ id: copy, name, swarmId, engineId: '', node: '', withVolumes: false, atMs: clock.now() }];
  });
}

function isVisible(cluster: Pick<ClusterView, 'findContainer'>, { id, engine }: CachedContainer): boolean {
  const found = cluster.findContainer(id);
  if (found.type === 'found') return found.container.engine === engine;
  return found.type === 'ambiguous' && found.candidates.some((candidate) => candidate.engine === engine);
}

function debtOf(
  { services }: RouteContext,
  { id, names, labels, engine }: CachedContainer,
  withVolumes: boolean,
): RemovalDebt {
  return {
    id,
    name: names[0] ?? id,
    swarmId: labels[swarmIdLabel] ?? '',
    engineId: engine.id,
    node: engine.name,
    withVolumes,
    atMs: services.clock.now(),
  };
}
