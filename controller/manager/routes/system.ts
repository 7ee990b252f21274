// What the manager answers for itself: ping and version.
import { isAtLeast } from '../../engine/api-version.js';
import { reachableEngines } from '../find-container.js';
import { replyBytes, replyJson } from '../reply.js';
import type { RouteHandler } from '../route-context.js';

/** HEAD and GET /_ping: also without a single engine, so that clients can tell an empty cluster from no manager. */
export const ping: RouteHandler = (context) => {
  const { response } = context;
  response.setHeader('Cache-Control', 'no-cache, no-store, must-revalidate');
  response.setHeader('Pragma', 'no-cache');
  // 1: the classic builder. BuildKit needs build sessions, which are not answered for clusters.
  response.setHeader('Builder-Version', '1');
  response.setHeader('Swarm', 'inactive');
  replyBytes(
    response,
    200,
    Buffer.from(context.request.method === 'HEAD' ? '' : 'OK'),
    'text/plain; charset=utf-8',
  );
  return Promise.resolve();
};

export const version: RouteHandler = (context) => {
  const { settings, cluster } = context.services;
  const { versions } = settings;
  const shown = `swarm/${settings.programVersion}`;
  replyJson(context.response, 200, {
    Platform: { Name: 'Docker Swarm' },
    Components: [
      {
        Name: 'Engine',
        Version: shown,
        Details: {
          ApiVersion: versions.max,
          MinAPIVersion: versions.min,
          Os: settings.os,
          Arch: settings.arch,
          KernelVersion: settings.kernelVersion,
        },
      },
      ...reachableEngines(cluster).map((engine) => ({
        Name: engine.name,
        Version: engine.specs?.version ?? '',
        Details: {
          Address: engine.address,
          ApiVersion: engine.specs?.apiVersion ?? '',
          MinAPIVersion: engine.specs?.minApiVersion ?? '',
          Os: engine.specs?.os ?? '',
          Arch: engine.specs?.arch ?? '',
        },
      })),
    ],
    Version: shown,
    ApiVersion: versions.max,
    ...(isAtLeast(context.version, '1.25') ? { MinAPIVersion: versions.min } : {}),
    GitCommit: '',
    GoVersion: '',
    Os: settings.os,
    Arch: settings.arch,
    KernelVersion: settings.kernelVersion,
    BuildTime: '',
  });
  return Promise.resolve();
};
