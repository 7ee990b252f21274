// What the manager answers for itself: ping and version.
import type { PooledEngine } from '../../engine/cluster-view.js';
import { hasBuildKit } from '../build/place-build.js';
import { hasExperiments } from '../cluster-resources.js';
import { reachableEngines } from '../find-container.js';
import { replyBytes, replyJson } from '../reply.js';
import type { RouteContext, RouteHandler } from '../route-context.js';

/** HEAD and GET /_ping: also without a single engine, so that clients can tell an empty cluster from no manager. */
export const ping: RouteHandler = (context) => {
  const { response } = context;
  response.setHeader('Cache-Control', 'no-cache, no-store, must-revalidate');
  response.setHeader('Pragma', 'no-cache');
  response.setHeader('Builder-Version', builderVersion(context.services.cluster.engines()));
  response.setHeader('Swarm', 'inactive');
  // Where clients read it: `docker checkpoint` is there as soon as one engine can do it.
  response.setHeader('Docker-Experimental', String(isExperimental(context)));
  replyBytes(
    response,
    200,
    Buffer.from(context.request.method === 'HEAD' ? '' : 'OK'),
    'text/plain; charset=utf-8',
  );
  return Promise.resolve();
};

function isExperimental({ services }: RouteContext): boolean {
  return services.settings.experimental || reachableEngines(services.cluster).some(hasExperiments);
}

/** 2, BuildKit, as soon as one engine offers it, since builds go there; also without engines, as most will offer it. */
function builderVersion(engines: readonly PooledEngine[]): '1' | '2' {
  const known = engines.filter(({ specs }) => specs !== undefined);
  return known.length === 0 || known.some(hasBuildKit) ? '2' : '1';
}

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
          // The CLI has a line for it, and prints it empty otherwise.
          Experimental: String(isExperimental(context)),
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
    MinAPIVersion: versions.min,
    GitCommit: '',
    GoVersion: '',
    Os: settings.os,
    Arch: settings.arch,
    KernelVersion: settings.kernelVersion,
    BuildTime: '',
  });
  return Promise.resolve();
};
