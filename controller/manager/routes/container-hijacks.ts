// Where upgraded connections of containers go: attach, websocket attach, exec start.
import type { HijackRoute } from '../hijack.js';
import { findReachableContainer } from '../find-container.js';
import { param } from '../route-context.js';
import { hasTerminal } from './container-actions.js';
import { asksForTerminal, findExecEngine } from './exec.js';

function attaching(suffix: string): HijackRoute {
  return (context) => {
    const container = findReachableContainer(context.services.cluster, param(context, 'id'));
    // Some clients send options as a body. Engines lose it by accident; forwarded, it would be typed into the container.
    return Promise.resolve({
      engine: container.engine,
      path: `/containers/${container.id}/${suffix}`,
      isTerminal: () => hasTerminal(context, container),
    });
  };
}

export const attachContainer = attaching('attach');
export const attachWebsocket = attaching('attach/ws');

export const startExec: HijackRoute = async (context, body) => {
  const id = param(context, 'id');
  const engine = await findExecEngine(context, id);
  return {
    engine,
    path: `/exec/${encodeURIComponent(id)}/start`,
    body,
    isTerminal: () => Promise.resolve(asksForTerminal(body)),
  };
};
