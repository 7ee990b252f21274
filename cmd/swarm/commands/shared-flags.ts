// Flags and help lines that several commands have in common.
import type { FlagSpec } from '../flag-table.js';

export const discoveryOptionFlag = {
  names: ['discovery-opt'],
  kind: 'list',
  value: 'KEY=VALUE',
  help: 'Discovery option: token.cacertfile, token.certfile, token.keyfile, token.servername, token.insecure',
} as const satisfies FlagSpec;

export const discoveryFileFlag = {
  names: ['discovery-file'],
  kind: 'string',
  value: 'FILE',
  help: 'Read the discovery URL from this file, and again at SIGHUP; keeps the token off the command line',
} as const satisfies FlagSpec;

export const tlsFlags = {
  tls: {
    names: ['tls'],
    kind: 'boolean',
    help: 'Use TLS; --tlsverify implies it',
  },
  tlsVerify: {
    names: ['tlsverify'],
    kind: 'boolean',
    help: 'Use TLS and require a certificate that the CA signed from the other side',
  },
  tlsCaCert: {
    names: ['tlscacert'],
    kind: 'string',
    value: 'FILE',
    help: 'Trust certificates that this CA signed',
  },
  tlsCert: { names: ['tlscert'], kind: 'string', value: 'FILE', help: 'TLS certificate' },
  tlsKey: { names: ['tlskey'], kind: 'string', value: 'FILE', help: 'TLS key' },
} as const satisfies Readonly<Record<string, FlagSpec>>;

/** The `<discovery>` argument. */
export const discoveryArgument = {
  name: '<discovery>',
  lines: [
    'where the cluster is written down [$SWARM_DISCOVERY]:',
    ' * token://<host:port>[,<host:port>...][/path]/<token>',
    ' * file://path/to/file',
    ' * [nodes://]<host1:port>,<host2:port>',
  ],
} as const;
