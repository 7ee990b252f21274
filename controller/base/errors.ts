// The error table: one class, one row per code. A row says how an error is handled (retry class), how a status
// condition names it (reason), which HTTP status and exit code it becomes, and what the user does next (hint).
// Match on `code`, never on text.

/** terminal: wait for a new spec; waiting: the world is not ready, no error; transient: try again with backoff. */
export type RetryClass = 'terminal' | 'waiting' | 'transient';

interface ErrorRow {
  readonly retry: RetryClass;
  /** Condition reason: one PascalCase word. */
  readonly reason: string;
  readonly httpStatus: number;
  readonly exitCode: number;
  readonly hint: string;
}

export const errorTable = {
  USAGE: row('terminal', 'Usage', 400, 2, 'See --help for the usage'),
  INTERNAL: row(
    'transient',
    'InternalError',
    500,
    1,
    'Run again with --log-level debug and report the output',
  ),
  TIMEOUT: row('transient', 'Timeout', 504, 1, 'Check that the other side answers, or raise the time-out'),
  ABORTED: row('waiting', 'Aborted', 503, 130, 'Run the command again'),

  MANIFEST_UNREADABLE: row(
    'transient',
    'ManifestUnreadable',
    400,
    1,
    'Check that the file exists and can be read',
  ),
  GIT_FAILED: row(
    'transient',
    'GitFailed',
    502,
    1,
    'Run the same git fetch by hand as this user; the last good commit stays in force',
  ),
  MANIFEST_INVALID: row('terminal', 'InvalidManifest', 422, 1, 'Correct the value and save the file'),
  MANIFEST_DUPLICATE: row('terminal', 'DuplicateManifest', 422, 1, 'Keep one of the two definitions'),
  UNKNOWN_KIND: row('terminal', 'UnknownKind', 404, 1, 'See swarmctl explain for the kinds that exist'),

  OBJECT_NOT_FOUND: row('terminal', 'NotFound', 404, 1, 'See swarmctl get for the objects that exist'),
  OBJECT_EXISTS: row('terminal', 'AlreadyExists', 409, 1, 'Use swarmctl apply to change an existing object'),
  OBJECT_CONFLICT: row('transient', 'Conflict', 409, 1, 'Read the object again and repeat the change'),
  OBJECT_READ_ONLY: row(
    'terminal',
    'Forbidden',
    403,
    1,
    'Change the manifest file, or take the object over: swarmctl apply --take-over',
  ),
  STATE_CORRUPT: row(
    'terminal',
    'StateCorrupt',
    500,
    1,
    'Restore the state directory from a backup, or move the named file away',
  ),
  STATE_UNWRITABLE: row(
    'transient',
    'StateUnwritable',
    507,
    1,
    'Free space on the disk of the state directory, or repair it; the operator goes on by itself',
  ),
  STATE_UNREADABLE: row(
    'terminal',
    'StateUnreadable',
    500,
    1,
    'Name the right file or --state-dir, and run as the user it belongs to',
  ),
  OUTPUT_FAILED: row('terminal', 'OutputFailed', 500, 1, 'Name another file with -o'),
  STATE_EXISTS: row(
    'terminal',
    'StateExists',
    409,
    1,
    'Restore into an empty directory, or add --replace: what is there is kept aside',
  ),
  STATE_LOCKED: row('terminal', 'StateLocked', 409, 1, 'Stop the other operator, or use another --state-dir'),
  OPERATOR_UNREACHABLE: row(
    'transient',
    'OperatorUnreachable',
    503,
    1,
    'Start it with swarmctl run, or name the right one with --state-dir or --server',
  ),

  ENGINE_UNREACHABLE: row(
    'transient',
    'EngineUnreachable',
    503,
    1,
    'Check that dockerd listens there and that the port is open',
  ),
  OPERATOR_CUT_OFF: row(
    'waiting',
    'CutOff',
    503,
    1,
    'Check the network of the machine that the operator runs on',
  ),
  ENGINE_TIMEOUT: row(
    'transient',
    'EngineTimeout',
    504,
    1,
    'Check the load of the engine, or restart dockerd there',
  ),
  ENGINE_TLS_REJECTED: row(
    'terminal',
    'TLSRejected',
    502,
    1,
    'Add the address to the certificate, or set spec.engine.tls.serverName',
  ),
  ENGINE_CA_UNKNOWN: row(
    'terminal',
    'CAUnknown',
    502,
    1,
    'Name the CA that signed the engine certificate in spec.engine.tls.caFile',
  ),
  ENGINE_CLIENT_REJECTED: row(
    'terminal',
    'ClientCertificateRejected',
    502,
    1,
    'Use a client certificate that the CA of the engine signed (spec.engine.tls)',
  ),
  ENGINE_CLOCK_WRONG: row(
    'transient',
    'ClockWrong',
    502,
    1,
    'Compare the clocks of the engine and of this host, and set the wrong one (timedatectl set-ntp true)',
  ),
  ENGINE_DISK_FULL: row(
    'transient',
    'EngineDiskFull',
    502,
    1,
    'Free space on the host of the engine (docker system df shows what it uses); it is tried again by itself',
  ),
  ENGINE_DUPLICATE_ID: row(
    'terminal',
    'DuplicateEngineID',
    409,
    1,
    'Give each machine its own engine ID: stop dockerd, remove /etc/docker/key.json and engine-id, start dockerd',
  ),
  ENGINE_REPLACED: row(
    'terminal',
    'EngineReplaced',
    409,
    1,
    'Approve it with swarmctl approve node/NAME, or correct spec.engine.address',
  ),
  ENGINE_ERROR: row('transient', 'EngineError', 502, 1, 'Read the message of the engine and its log'),
  ENGINE_UNUSABLE: row(
    'terminal',
    'EngineUnusable',
    502,
    1,
    'Point spec.engine.address at a Docker engine, not at a manager',
  ),
  CREDENTIALS_UNREADABLE: row(
    'transient',
    'CredentialsUnreadable',
    500,
    1,
    'Check the path and the permissions of the file',
  ),
  CREDENTIALS_LOST: row(
    'terminal',
    'CredentialsLost',
    409,
    1,
    'Restore a backup with swarmctl restore, or make new ones with swarmctl repair',
  ),
  CREDENTIALS_INVALID: row(
    'terminal',
    'CredentialsInvalid',
    500,
    1,
    'Replace the file by a valid PEM certificate or key that belong together',
  ),
  FOREIGN_CONTAINER: row(
    'terminal',
    'ForeignContainer',
    409,
    1,
    'Rename or remove that container; swarmctl never replaces what it did not make',
  ),
  IMAGE_MISSING: row(
    'transient',
    'ImageMissing',
    500,
    1,
    'Run make build, or name an image that the engines have in spec.image',
  ),

  IMAGE_UNBUILDABLE: row(
    'terminal',
    'ImageUnbuildable',
    500,
    1,
    'Build on Linux with an installed Node.js of the same processor as the engines',
  ),

  PLACEMENT_INVALID: row(
    'terminal',
    'InvalidPlacement',
    400,
    1,
    'Write expressions as key==value or key!=value; see docs/scheduling.md',
  ),
  NO_ELIGIBLE_ENGINE: row(
    'terminal',
    'NoEligibleEngine',
    500,
    1,
    'Relax the constraint, or see swarmctl get nodes',
  ),
  CLUSTER_NOT_FOUND: row(
    'waiting',
    'ClusterNotFound',
    404,
    1,
    'Apply a Cluster of that name, or correct spec.cluster',
  ),
  MACHINE_NOT_FOUND: row(
    'waiting',
    'MachineNotFound',
    404,
    1,
    'Create it with swarmctl machine create, or correct spec.machine.name',
  ),
  MACHINE_EXISTS: row(
    'terminal',
    'MachineExists',
    409,
    1,
    'Choose another name, or remove it with swarmctl machine rm',
  ),
  MACHINE_UNSUPPORTED: row(
    'terminal',
    'MachineUnsupported',
    501,
    1,
    'Use a Linux machine where you are root',
  ),
  MACHINE_FAILED: row(
    'transient',
    'MachineFailed',
    500,
    1,
    'Read the log of the engine named in the message',
  ),
  MACHINE_NETWORK_CONFLICT: row(
    'terminal',
    'MachineNetworkConflict',
    409,
    1,
    'Choose a subnet nobody uses with --subnet, for example 192.168.199.0/24',
  ),

  DISCOVERY_FAILED: row(
    'transient',
    'DiscoveryFailed',
    502,
    1,
    'Check that the discovery service runs and that its certificate is trusted',
  ),
  DISCOVERY_INVALID: row(
    'terminal',
    'DiscoveryInvalid',
    400,
    1,
    'Use token://HOST:PORT/v1/TOKEN, file://PATH or HOST:PORT,HOST:PORT',
  ),
  DISCOVERY_UNSUPPORTED: row('terminal', 'DiscoveryUnsupported', 501, 1, 'Use token://, file:// or nodes://'),
  LISTEN_FAILED: row(
    'terminal',
    'ListenFailed',
    500,
    1,
    'Choose another address, or stop what listens there',
  ),
  NOT_IMPLEMENTED: row('terminal', 'NotImplemented', 501, 1, 'Send the request to the engine itself'),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

function row(
  retry: RetryClass,
  reason: string,
  httpStatus: number,
  exitCode: number,
  hint: string,
): ErrorRow {
  return { retry, reason, httpStatus, exitCode, hint };
}

/** A known failure. `message` follows the grammar: attempted action, object in quotes, colon, what is true now. */
export class SwarmError extends Error {
  readonly code: ErrorCode;
  readonly retry: RetryClass;
  readonly reason: string;
  readonly httpStatus: number;
  readonly exitCode: number;
  readonly hint: string;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly hint?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SwarmError';
    const defaults: ErrorRow = errorTable[code];
    this.code = code;
    this.retry = defaults.retry;
    this.reason = defaults.reason;
    this.httpStatus = defaults.httpStatus;
    this.exitCode = defaults.exitCode;
    this.hint = options.hint ?? defaults.hint;
  }
}

export function isSwarmError(error: unknown, code?: ErrorCode): error is SwarmError {
  return error instanceof SwarmError && (code === undefined || error.code === code);
}

/** Any thrown value as a SwarmError; unknown ones become INTERNAL with the cause kept. */
export function toSwarmError(error: unknown): SwarmError {
  return error instanceof SwarmError ? error : new SwarmError('INTERNAL', messageOf(error), { cause: error });
}

export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map((inner) => messageOf(inner)).join('; ');
  }
  return error instanceof Error ? error.message : String(error);
}

/** Like `messageOf`, but of a failed file operation only the reason: what is said around it names the file already. */
export function reasonOf(error: unknown): string {
  const message = messageOf(error);
  // libuv's words for it are about what was tried, and not about what is there.
  if (/^EISDIR: /.test(message)) return 'it is a directory';
  return /^E[A-Z0-9]+: (.+?), [a-z]+(?: '.*')?$/s.exec(message)?.[1] ?? message;
}

/** The `code` of a Node.js system error (`ECONNREFUSED`, `ENOENT` …), also when wrapped as a cause or aggregate. */
export function systemCodeOf(error: unknown): string | undefined {
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'string') return current.code;
    if (current instanceof AggregateError) return systemCodeOf(current.errors[0]);
  }
  return undefined;
}
