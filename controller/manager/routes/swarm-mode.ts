// Swarm mode: the engines of a cluster are not in a swarm, so they would all say the same.
import { ApiError, notASwarmManagerMessage } from '../api-error.js';
import type { RouteHandler } from '../route-context.js';

export const notASwarmManager: RouteHandler = () =>
  Promise.reject(new ApiError(503, notASwarmManagerMessage));

/** Leaving is refused in other words, by which clients tell that there is nothing to leave. */
export const notInSwarm: RouteHandler = () =>
  Promise.reject(new ApiError(503, 'This node is not part of a swarm'));

/** Which engine would become a manager, or join which other one, nobody can say from here. */
export const swarmByEngine: RouteHandler = () =>
  Promise.reject(
    new ApiError(503, 'Swarm mode is set up engine by engine: send the request to the engine itself'),
  );

/** Profiling of the manager is nobody's business but its host's. */
export const pageNotFound: RouteHandler = () => Promise.reject(new ApiError(404, 'page not found'));
