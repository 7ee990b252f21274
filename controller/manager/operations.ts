// Every operation of the Docker Engine API and what a cluster does with it: the single list. A new operation is one row.
import type { UpgradeProtocol } from './allowed-upgrade.js';
import { buildControlWithoutUpgrade, openBuildControl } from './build/build-control.js';
import { openSession, sessionWithoutUpgrade } from './build/build-session.js';
import type { HijackRoute } from './hijack.js';
import type { RouteHandler } from './route-context.js';
import { buildImage, cancelBuild } from './routes/build.js';
import * as actions from './routes/container-actions.js';
import * as hijacks from './routes/container-hijacks.js';
import { createContainer } from './routes/create-container.js';
import { placeContainer } from './routes/place-container.js';
import { diskUsage } from './routes/disk-usage.js';
import { restartContainer, stopContainer } from './routes/end-container.js';
import { events } from './routes/events.js';
import * as exec from './routes/exec.js';
import * as images from './routes/images.js';
import { info } from './routes/info.js';
import { inspectContainer } from './routes/inspect-container.js';
import { listContainers } from './routes/list-containers.js';
import { listImages } from './routes/list-images.js';
import { loadImages } from './routes/load-images.js';
import * as networks from './routes/networks.js';
import * as nodes from './routes/nodes.js';
import * as plugins from './routes/plugins.js';
import { pruneBuild } from './routes/prune-build.js';
import { pruneContainers } from './routes/prune-containers.js';
import { createImage } from './routes/pull-image.js';
import { removeContainer } from './routes/remove-container.js';
import { startContainer } from './routes/start-container.js';
import { notASwarmManager, notInSwarm, pageNotFound, swarmByEngine } from './routes/swarm-mode.js';
import { ping, version } from './routes/system.js';
import { updateContainer } from './routes/update-container.js';
import * as volumes from './routes/volumes.js';
import { waitContainer } from './routes/wait-container.js';

/**
 * manager: answered by itself · cache: from the cluster's cache · container, exec: by the engine of that container or
 * exec · schedule: on an engine chosen for it · every: all engines, answers merged · holder: an engine that has the object ·
 * holders: all that have it · replicate: brought to all · any: any engine · pin: the engine of that build session ·
 * swarm: swarm mode, refused as an engine outside a swarm does
 */
export type Treatment =
  | 'manager'
  | 'cache'
  | 'container'
  | 'exec'
  | 'schedule'
  | 'every'
  | 'holder'
  | 'holders'
  | 'replicate'
  | 'any'
  | 'pin'
  | 'swarm';

export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly treatment: Treatment;
  readonly handler: RouteHandler;
  /** How a request that asks to upgrade is answered; others go to `handler`. */
  readonly hijack?: HijackRoute;
  readonly upgrade?: UpgradeProtocol;
}

type Row = readonly [
  method: string,
  path: string,
  treatment: Treatment,
  handler: RouteHandler,
  hijack?: { readonly upgrade: UpgradeProtocol; readonly hijack: HijackRoute },
];

const rows = [
  ['GET', '/containers/json', 'cache', listContainers],
  ['GET', '/containers/ps', 'cache', listContainers],
  ['POST', '/containers/create', 'schedule', createContainer],
  ['POST', '/placement', 'manager', placeContainer],
  ['POST', '/containers/prune', 'every', pruneContainers],
  ['GET', '/containers/{id}/json', 'container', inspectContainer],
  ['GET', '/containers/{id}/top', 'container', actions.containerTop],
  ['GET', '/containers/{id}/logs', 'container', actions.containerLogs],
  ['GET', '/containers/{id}/changes', 'container', actions.containerChanges],
  ['GET', '/containers/{id}/export', 'container', actions.containerExport],
  ['GET', '/containers/{id}/stats', 'container', actions.containerStats],
  ['POST', '/containers/{id}/resize', 'container', actions.resizeContainer],
  ['POST', '/containers/{id}/start', 'container', startContainer],
  ['POST', '/containers/{id}/stop', 'container', stopContainer],
  ['POST', '/containers/{id}/restart', 'container', restartContainer],
  ['POST', '/containers/{id}/kill', 'container', actions.killContainer],
  ['POST', '/containers/{id}/update', 'container', updateContainer],
  ['POST', '/containers/{id}/rename', 'container', actions.renameContainer],
  ['POST', '/containers/{id}/pause', 'container', actions.pauseContainer],
  ['POST', '/containers/{id}/unpause', 'container', actions.unpauseContainer],
  ['POST', '/containers/{id}/wait', 'container', waitContainer],
  ['DELETE', '/containers/{id}', 'container', removeContainer],
  ['HEAD', '/containers/{id}/archive', 'container', actions.headArchive],
  ['GET', '/containers/{id}/archive', 'container', actions.getArchive],
  ['PUT', '/containers/{id}/archive', 'container', actions.putArchive],
  ['POST', '/containers/{id}/exec', 'container', exec.createExec],
  ['GET', '/containers/{id}/checkpoints', 'container', actions.containerCheckpoints],
  ['POST', '/containers/{id}/checkpoints', 'container', actions.createCheckpoint],
  ['DELETE', '/containers/{id}/checkpoints/{name}', 'container', actions.removeCheckpoint],
  ['POST', '/commit', 'container', actions.commitContainer],
  [
    'POST',
    '/containers/{id}/attach',
    'container',
    actions.attachWithoutUpgrade,
    { upgrade: 'tcp', hijack: hijacks.attachContainer },
  ],
  [
    'GET',
    '/containers/{id}/attach/ws',
    'container',
    actions.websocketWithoutUpgrade,
    { upgrade: 'websocket', hijack: hijacks.attachWebsocket },
  ],
  [
    'POST',
    '/exec/{id}/start',
    'exec',
    exec.startExecWithoutUpgrade,
    { upgrade: 'tcp', hijack: hijacks.startExec },
  ],
  ['POST', '/exec/{id}/resize', 'exec', exec.resizeExec],
  ['GET', '/exec/{id}/json', 'exec', exec.inspectExec],

  ['GET', '/images/json', 'cache', listImages],
  ['POST', '/images/create', 'replicate', createImage],
  ['POST', '/images/load', 'replicate', loadImages],
  ['GET', '/images/get', 'holder', images.saveImages],
  ['GET', '/images/search', 'any', images.searchImages],
  ['POST', '/images/prune', 'every', images.pruneImages],
  ['GET', '/images/{name}/json', 'holder', images.inspectImage],
  ['GET', '/images/{name}/history', 'holder', images.imageHistory],
  // Since 1.55: in the versions that are offered, no engine has this page.
  ['GET', '/images/{name}/attestations', 'manager', pageNotFound],
  ['GET', '/images/{name}/get', 'holder', images.saveImage],
  ['POST', '/images/{name}/push', 'holder', images.pushImage],
  ['POST', '/images/{name}/tag', 'holders', images.tagImage],
  ['DELETE', '/images/{name}', 'holders', images.removeImage],
  ['GET', '/distribution/{name}/json', 'any', images.inspectDistribution],
  ['POST', '/auth', 'any', images.checkAuth],

  ['POST', '/build', 'schedule', buildImage],
  ['POST', '/build/prune', 'every', pruneBuild],
  ['POST', '/build/cancel', 'pin', cancelBuild],
  ['POST', '/session', 'pin', sessionWithoutUpgrade, { upgrade: 'h2c', hijack: openSession }],
  ['POST', '/grpc', 'pin', buildControlWithoutUpgrade, { upgrade: 'h2c', hijack: openBuildControl }],

  ['GET', '/volumes', 'cache', volumes.listVolumes],
  ['POST', '/volumes/create', 'schedule', volumes.createVolume],
  ['POST', '/volumes/prune', 'every', volumes.pruneVolumes],
  ['GET', '/volumes/{name}', 'holder', volumes.inspectVolume],
  ['PUT', '/volumes/{name}', 'swarm', volumes.updateVolume],
  ['DELETE', '/volumes/{name}', 'holder', volumes.removeVolume],

  ['GET', '/networks', 'cache', networks.listNetworks],
  ['GET', '/networks/', 'cache', networks.listNetworks],
  ['POST', '/networks/create', 'schedule', networks.createNetwork],
  ['POST', '/networks/prune', 'every', networks.pruneNetworks],
  ['GET', '/networks/{id}', 'holder', networks.inspectNetwork],
  ['DELETE', '/networks/{id}', 'holder', networks.removeNetwork],
  ['POST', '/networks/{id}/connect', 'container', networks.connectNetwork],
  ['POST', '/networks/{id}/disconnect', 'container', networks.disconnectNetwork],

  ['GET', '/_ping', 'manager', ping],
  ['HEAD', '/_ping', 'manager', ping],
  ['GET', '/version', 'manager', version],
  ['GET', '/info', 'cache', info],
  ['GET', '/events', 'every', events],
  ['GET', '/system/df', 'every', diskUsage],
  ['GET', '/debug/{page}', 'manager', pageNotFound],

  ['GET', '/plugins', 'every', plugins.listPlugins],
  ['GET', '/plugins/privileges', 'any', plugins.pluginPrivileges],
  ['POST', '/plugins/pull', 'replicate', plugins.pullPlugin],
  ['POST', '/plugins/create', 'replicate', plugins.createPlugin],
  ['GET', '/plugins/{name}/json', 'holder', plugins.inspectPlugin],
  ['DELETE', '/plugins/{name}', 'holders', plugins.removePlugin],
  ['POST', '/plugins/{name}/enable', 'holders', plugins.enablePlugin],
  ['POST', '/plugins/{name}/disable', 'holders', plugins.disablePlugin],
  ['POST', '/plugins/{name}/upgrade', 'holders', plugins.upgradePlugin],
  ['POST', '/plugins/{name}/push', 'holder', plugins.pushPlugin],
  ['POST', '/plugins/{name}/set', 'holders', plugins.setPlugin],

  ['GET', '/nodes', 'cache', nodes.listNodes],
  ['GET', '/nodes/{id}', 'cache', nodes.inspectNode],
  ['DELETE', '/nodes/{id}', 'manager', nodes.removeNode],
  ['POST', '/nodes/{id}/update', 'manager', nodes.updateNode],
  ['POST', '/swarm/init', 'swarm', swarmByEngine],
  ['POST', '/swarm/join', 'swarm', swarmByEngine],
  ['POST', '/swarm/leave', 'swarm', notInSwarm],
  ...swarmModeRows(),
] satisfies readonly Row[];

function swarmModeRows(): readonly Row[] {
  const paths = [
    ['GET', '/swarm'],
    ['POST', '/swarm/update'],
    ['GET', '/swarm/unlockkey'],
    ['POST', '/swarm/unlock'],
    ['GET', '/services'],
    ['POST', '/services/create'],
    ['GET', '/services/{id}'],
    ['DELETE', '/services/{id}'],
    ['POST', '/services/{id}/update'],
    ['GET', '/services/{id}/logs'],
    ['GET', '/tasks'],
    ['GET', '/tasks/{id}'],
    ['GET', '/tasks/{id}/logs'],
    ['GET', '/secrets'],
    ['POST', '/secrets/create'],
    ['GET', '/secrets/{id}'],
    ['DELETE', '/secrets/{id}'],
    ['POST', '/secrets/{id}/update'],
    ['GET', '/configs'],
    ['POST', '/configs/create'],
    ['GET', '/configs/{id}'],
    ['DELETE', '/configs/{id}'],
    ['POST', '/configs/{id}/update'],
  ] as const;
  return paths.map(([method, path]) => [method, path, 'swarm', notASwarmManager]);
}

export const operations: readonly Operation[] = rows.map(([method, path, treatment, handler, upgrade]) => ({
  method,
  path,
  treatment,
  handler,
  ...upgrade,
}));
