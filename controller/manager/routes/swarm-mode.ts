// Swarm mode: the engines of a cluster are not in a swarm, so they would all say the same.
import { ApiError, notASwarmManagerMessage } from '../api-error.js';
import type { RouteHandler } from '../route-context.js';

export const notASwarmManager: RouteHandler = () =>
  Promise.reject(new ApiError(503, notASwarmManagerMessage));

/** Profiling of the manager is nobody's business but its host's. */
export const pageNotFound: RouteHandler = () => Promise.reject(new ApiError(404, 'page not found'));
