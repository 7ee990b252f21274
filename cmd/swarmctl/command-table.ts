// The commands of swarmctl: name, one line of help, and the module that is loaded when, and only when, it is run.
import type { ConfigureCommand } from './command-context.js';

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly group: string;
  readonly load: () => Promise<{ readonly configure: ConfigureCommand }>;
}

const daily = 'Daily use:';
const look = 'Looking closer:';
const docker = 'Docker:';
const operator = 'Operator and machines:';

export const commandTable: readonly CommandEntry[] = [
  {
    name: 'apply',
    summary: 'Create or change objects from files',
    group: daily,
    load: () => import('./commands/apply.js'),
  },
  {
    name: 'get',
    summary: 'List objects as a table, JSON or YAML',
    group: daily,
    load: () => import('./commands/get.js'),
  },
  {
    name: 'describe',
    summary: 'Show one object, its conditions and its story',
    group: daily,
    load: () => import('./commands/describe.js'),
  },
  {
    name: 'delete',
    summary: 'Delete objects and wait until they are gone',
    group: daily,
    load: () => import('./commands/delete.js'),
  },
  {
    name: 'approve',
    summary: 'Show what waits for a person, deletions and replaced engines, and let it happen',
    group: daily,
    load: () => import('./commands/approve.js'),
  },
  {
    name: 'suspend',
    summary: 'Leave an object alone for a time, and say why',
    group: daily,
    load: () => import('./commands/suspend.js'),
  },
  {
    name: 'resume',
    summary: 'End a suspension',
    group: daily,
    load: () => import('./commands/resume.js'),
  },
  {
    name: 'cordon',
    summary: 'Keep new containers away from nodes',
    group: daily,
    load: async () => ({ configure: (await import('./commands/cordon.js')).configureCordon }),
  },
  {
    name: 'uncordon',
    summary: 'Let containers be placed on nodes again',
    group: daily,
    load: async () => ({ configure: (await import('./commands/cordon.js')).configureUncordon }),
  },
  {
    name: 'wait',
    summary: 'Wait until objects reach a condition',
    group: daily,
    load: () => import('./commands/wait.js'),
  },
  {
    name: 'plan',
    summary: 'Show what the operator would do next',
    group: look,
    load: () => import('./commands/plan.js'),
  },
  {
    name: 'diff',
    summary: 'Show what applying files would change',
    group: look,
    load: () => import('./commands/diff.js'),
  },
  {
    name: 'events',
    summary: 'Show what happened, and follow what happens',
    group: look,
    load: () => import('./commands/events.js'),
  },
  {
    name: 'doctor',
    summary: 'Examine this host, clusters and engines, and say what to do',
    group: look,
    load: () => import('./commands/doctor.js'),
  },
  {
    name: 'explain',
    summary: 'Explain the fields of a kind',
    group: look,
    load: () => import('./commands/explain.js'),
  },
  {
    name: 'api-resources',
    summary: 'List the kinds',
    group: look,
    load: () => import('./commands/api-resources.js'),
  },
  {
    name: 'why',
    summary: 'Tell why a container runs where it runs',
    group: docker,
    load: () => import('./commands/why.js'),
  },
  {
    name: 'place',
    summary: 'Tell where a container would run, without making it',
    group: docker,
    load: () => import('./commands/place.js'),
  },
  {
    name: 'env',
    summary: 'Print the lines that point a shell at a cluster',
    group: docker,
    load: () => import('./commands/env.js'),
  },
  {
    name: 'context',
    summary: 'Write or remove a docker context for a cluster',
    group: docker,
    load: () => import('./commands/context.js'),
  },
  {
    name: 'kubeconfig',
    summary: 'Print a kubeconfig, so that kubectl talks to the operator',
    group: look,
    load: () => import('./commands/kubeconfig.js'),
  },
  {
    name: 'run',
    summary: 'Run the operator',
    group: operator,
    load: () => import('./commands/run.js'),
  },
  {
    name: 'backup',
    summary: 'Write the state of an operator to one file',
    group: operator,
    load: () => import('./commands/backup.js'),
  },
  {
    name: 'restore',
    summary: 'Put the state of a backup back',
    group: operator,
    load: () => import('./commands/restore.js'),
  },
  {
    name: 'repair',
    summary: 'Make new keys and tokens for a cluster that lost its own',
    group: operator,
    load: () => import('./commands/repair.js'),
  },
  {
    name: 'debug',
    summary: 'Dump what the operator last saw and decided',
    group: operator,
    load: () => import('./commands/debug.js'),
  },
  {
    name: 'replay',
    summary: 'Run recorded decisions again, offline',
    group: operator,
    load: () => import('./commands/replay.js'),
  },
  {
    name: 'machine',
    summary: 'Create and manage engines on this machine',
    group: operator,
    load: () => import('./commands/machine.js'),
  },
  {
    name: 'simulate',
    summary: 'Simulate a fleet of engines to try a manager on',
    group: operator,
    load: () => import('./commands/simulate.js'),
  },
  {
    name: 'version',
    summary: 'Print the version of the client and of the operator',
    group: operator,
    load: () => import('./commands/version.js'),
  },
  {
    name: 'completion',
    summary: 'Print a completion script for a shell',
    group: operator,
    load: () => import('./commands/completion.js'),
  },
];
