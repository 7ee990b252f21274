// Where a manager's answer differs from its engine's on purpose: the whole list, each with its reason.
import type { Difference } from './compare.js';
import type { Step } from './step.js';

export interface AllowedDifference {
  /** Operations as in the fixture; absent: all. */
  readonly operations?: RegExp;
  /** `about` of the step; absent: all steps of the operations. */
  readonly about?: RegExp;
  readonly place: RegExp;
  /** Only for clients whose version is newer than the engine's newest. */
  readonly isForNewerClients?: boolean;
  readonly reason: string;
}

const body = /^(status|\$.*)$/;

export const allowedDifferences: readonly AllowedDifference[] = [
  // Headers
  { place: /^header date$/, reason: 'the moment of the answer' },
  {
    place: /^header (server|api-version)$/,
    reason: 'the manager names itself and the newest version it offers',
  },
  {
    place: /^header (ostype|docker-experimental)$/,
    reason: 'the manager says it on every answer; engines leave it out of some',
  },
  {
    place: /^header (content-length|transfer-encoding|connection)$/,
    reason: 'framing: each side writes a body with or without its length as it can, and closes as it likes',
  },
  {
    operations: /_ping$/,
    place: /^header (builder-version|swarm)$/,
    reason: 'engines before 23 do not say it; BuildKit works on them all the same',
  },
  {
    operations: /^POST \/build\/cancel$/,
    place: /^header content-type$/,
    reason: 'engines call an empty body JSON',
  },

  // The cluster speaks for itself
  {
    operations: /^GET \/version$/,
    place:
      /^\$\.(Platform\.Name|Components|Version|ApiVersion|MinAPIVersion|GitCommit|GoVersion|KernelVersion|BuildTime)$/,
    reason: 'the version of the manager, and each engine as a component',
  },
  {
    operations: /^GET \/info$/,
    place:
      /^\$\.(ID|Name|ServerVersion|OperatingSystem|KernelVersion|Driver|DriverStatus|SystemStatus|DockerRootDir|NFd|NGoroutines|NEventsListener)$/,
    reason: 'the cluster has a name, a version and a status of its own',
  },
  {
    operations: /^GET \/info$/,
    place: /^\$\.(MemTotal|NCPU)$/,
    reason: 'with what is handed out beyond what engines have',
  },
  {
    operations: /^GET \/_ping$/,
    about: /^too new$/,
    place: /^\$\.message$/,
    reason: 'the newest version is the manager’s',
  },
  {
    operations: / \/nodes/,
    place: body,
    reason: 'engines of the cluster are shown as nodes, although they form no swarm',
  },
  {
    operations: /^POST \/swarm\/(init|join)$/,
    place: body,
    reason: 'swarm mode is set up engine by engine: refused whatever the body says',
  },

  {
    operations: /^GET \/info$/,
    place: /^\$\.(\w+Commit\.Expected|RegistryConfig\.AllowNondistributable\w+|BridgeNf\w+)$/,
    isForNewerClients: true,
    reason: 'newer versions leave out what older engines say',
  },

  // Containers
  {
    operations: /^GET \/(containers|images)\/(json|\{(id|name)\}\/json)$/,
    place: /\.Labels\.(com\.docker\.swarm\.id|io\.swarmctl\.[a-z-]+)$/,
    reason: 'labels by which the manager finds containers again and knows what they reserve',
  },
  {
    operations: /^GET \/containers\/json$/,
    place: /^\$\[\d+\]\.Names$/,
    reason: 'each name also with its node in front',
  },
  {
    operations: /^GET \/containers\/\{id\}\/json$/,
    place: /^\$\.Node$/,
    reason: 'where it runs, as classic swarm said it',
  },
  { operations: /^GET \/containers\/\{id\}\/json$/, place: /^\$\.State\.Pid$/, reason: 'another process' },
  {
    operations: /^(GET|PUT) \/containers\/\{id\}\/archive$/,
    about: /^missing$/,
    place: /^\$\.message$/,
    reason: 'the manager calls containers by their ID, which engines repeat in messages',
  },
  {
    operations: /^POST \/containers\/\{id\}\/kill$/,
    place: /^\$\.message$/,
    reason: 'the manager calls containers by their ID, which engines repeat in messages too',
  },
  {
    operations: /^POST \/containers\/\{id\}\/attach$/,
    about: /^missing/,
    place: /^(header content-type|\$)$/,
    reason: 'engines answer by hand in plain text; the manager in JSON, as everywhere',
  },

  // Requests that are no good: status 400 for all of them, in the words of newer engines
  {
    about: /^(broken JSON|no object|no body|wrong type)$/,
    place: body,
    reason: 'another parser’s words; engines before 23 have status 500',
  },
  {
    about: /^(bad limit|bad time|bad type|broken filters|no build named)$/,
    place: /^(status|\$\.message)$/,
    reason: 'engines blame themselves (500) for some bad values',
  },
  {
    about: /^(unknown filter|bad status|bad filter)$/,
    place: /^\$\.message$/,
    reason: 'engines before 23 begin with a capital letter',
  },
  {
    about: /^before what is not there$/,
    place: /^(status|\$\.message)$/,
    reason: 'engines before 23 have status 500 and other words',
  },

  // Images
  {
    operations: /^GET \/images\/\{name\}\/json$/,
    about: /^(missing|64 digits)$/,
    place: /^\$\.message$/,
    reason: 'engines before 23 say it twice',
  },
  {
    operations: /^GET \/images\/\{name\}\/json$/,
    about: /^bad name$/,
    place: body,
    reason: 'a name that can be no image is a missing image',
  },
  {
    operations: /^POST \/images\/\{name\}\/push$/,
    about: /^missing$/,
    place: /^(status|header content-type|\$.*)$/,
    reason: 'what no engine has is refused at once with 404, not in the stream',
  },
  {
    operations: /^POST \/images\/load$/,
    about: /^no archive$/,
    place: /^(status|header content-type|\$.*)$/,
    reason: 'a failure on all engines is a status, as long as nothing was written',
  },
  {
    operations: /^POST \/images\/load$/,
    about: /^(quiet)?$/,
    place: /^\$$/,
    reason: 'each node also says in a line of its own what it did',
  },
  {
    operations: /^GET \/images\/json$/,
    place: /^\$\[\d+\]\.(Containers|VirtualSize|RepoDigests)$/,
    isForNewerClients: true,
    reason: 'lists have the fields and counts of the client’s version, from older engines too',
  },

  // Volumes and networks
  {
    operations: /^PUT \/volumes\/\{name\}$/,
    place: body,
    reason: 'engines before 23 have no such page',
  },
  {
    operations: /^GET \/networks\/?$/,
    place: /\.Name$/,
    reason: 'networks that every engine has are called with their node',
  },

  // A client that is newer than the engine
  {
    operations: /^POST \/(exec\/\{id\}\/start|containers\/\{id\}\/attach)$/,
    place: /^header content-type$/,
    isForNewerClients: true,
    reason: 'clients of 1.42 and later are told how a stream is framed, also by older engines',
  },
  {
    operations: /^GET \/containers\/\{id\}\/logs$/,
    place: /^header content-type$/,
    isForNewerClients: true,
    reason: 'and how logs are, of which engines before 1.42 say nothing at all',
  },
];

export function reasonFor(
  step: Step,
  { difference, isNewerClient }: { readonly difference: Difference; readonly isNewerClient: boolean },
): AllowedDifference | undefined {
  return allowedDifferences.find(
    ({ operations, about, place, isForNewerClients = false }) =>
      (isNewerClient || !isForNewerClients) &&
      (operations?.test(step.operation) ?? true) &&
      (about?.test(step.about ?? '') ?? true) &&
      place.test(difference.place),
  );
}
