// The secrets of clusters on the operator's disk: token, authority and certificates. Made when missing, renewed in time,
// never replaced without need. One directory per cluster: token, pki/ and client/ (what DOCKER_CERT_PATH points at).
import { access, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import path from 'node:path';
import type { AgentRole } from '../api/agent-role.js';
import type { Cluster } from '../api/resources.js';
import type { Clock } from '../base/clock.js';
import { messageOf, SwarmError, systemCodeOf } from '../base/errors.js';
import type { EngineTls } from '../engine/endpoint.js';
import { describeCertificate, namesForCertificate, parseCertificate } from '../pki/certificate.js';
import { Signers } from '../pki/authority.js';
import { ensureCertificate, loadOrCreateAuthority } from '../pki/key-pair-files.js';
import type { CertificateUsage, KeyPair } from '../pki/key-pair.js';
import type { ClusterCredentials } from '../plan/credentials.js';
import { isManager, isWorker, type ResolvedNode } from '../plan/resolved-node.js';
import { rewriteTree } from '../store/rewrite-tree.js';
import type { StateDisk } from '../store/state-disk.js';
import { findLost, setAsideDamaged, type Credential } from './lost-credentials.js';
import { readTls } from './read-tls.js';

const authorityValidityDays = 3650;
/** How often a certificate that nothing else changes is looked at again: renewal is due days before expiry. */
const recheckMs = 3_600_000;
// Issuing is a millisecond of CPU and two files; a fleet of 1000 is through in seconds, and other loops get their turn.
const issuedAtOnce = 8;

export interface EnsuredCredentials {
  readonly credentials: ClusterCredentials;
  /** What the operator presents to the cluster's managers; absent with TLS disabled. */
  readonly client?: EngineTls;
}

interface Wish {
  readonly name: string;
  readonly keyName?: string;
  readonly directory: string;
  readonly commonName: string;
  readonly organization?: string;
  readonly usages: readonly CertificateUsage[];
  readonly hosts: readonly string[];
}

interface Checked {
  /** What the pair was to be, and by whom it was to be signed; empty of an authority. */
  readonly key: string;
  readonly caPem: string;
  readonly atMs: number;
  readonly pair: KeyPair;
}

export class CredentialStore {
  readonly #directory: string;
  readonly #disk: StateDisk;
  readonly #clock: Clock;
  readonly #randomToken: () => string;
  readonly #known = new Map<string, ClusterCredentials>();
  /** Pairs known to be good, by directory and name. */
  readonly #checked = new Map<string, Checked>();
  readonly #signers = new Signers();

  constructor(options: {
    /** Holds one directory per cluster. */
    readonly directory: string;
    readonly disk: StateDisk;
    readonly clock: Clock;
    readonly randomToken: () => string;
  }) {
    this.#directory = options.directory;
    this.#disk = options.disk;
    options.disk.join({ rewrite: (door) => rewriteTree(options.directory, door) });
    this.#clock = options.clock;
    this.#randomToken = options.randomToken;
  }

  /** What `ensure` last gave for a cluster. */
  known(cluster: string): ClusterCredentials | undefined {
    return this.#known.get(cluster);
  }

  /** @throws {CREDENTIALS_UNREADABLE | CREDENTIALS_INVALID | STATE_UNWRITABLE} */
  async ensure(cluster: Cluster, nodes: readonly ResolvedNode[]): Promise<EnsuredCredentials> {
    // What is read may be lost by a power cut, and must not be given to containers.
    this.#disk.refuseDoubt();
    const ensured = await this.#ensure(cluster, nodes);
    this.#known.set(cluster.metadata.name, ensured.credentials);
    return ensured;
  }

  async #ensure(cluster: Cluster, nodes: readonly ResolvedNode[]): Promise<EnsuredCredentials> {
    const directory = path.join(this.#directory, cluster.metadata.name);
    await this.#makeDirectory(directory);
    const token = await this.#ensureToken(path.join(directory, 'token'));
    switch (cluster.spec.tls.mode) {
      case 'disabled':
        return { credentials: { token } };
      case 'hostPath':
        return this.#fromHostPath(cluster, { nodes, token, clientDirectory: path.join(directory, 'client') });
      case 'managed':
        return this.#managed(cluster, { nodes, token, directory });
    }
  }

  /** Every token in use: what must not be in anything that leaves the process. Keys are known by their look. */
  secrets(): readonly string[] {
    return [...this.#known.values()].map(({ token }) => token);
  }

  /** See `lost-credentials.ts`. */
  findLost(cluster: Cluster): Promise<readonly Credential[]> {
    return findLost(path.join(this.#directory, cluster.metadata.name), cluster);
  }

  async setAsideDamaged(cluster: string): Promise<void> {
    await setAsideDamaged(path.join(this.#directory, cluster), {
      nowMs: this.#clock.now(),
      disk: this.#disk,
    });
  }

  /** What DOCKER_CERT_PATH points at: ca.pem, cert.pem, key.pem. */
  clientDirectory(cluster: string): string {
    return path.join(this.#directory, cluster, 'client');
  }

  /** The token, when there is one. */
  async token(cluster: string): Promise<string | undefined> {
    const text = await readFile(path.join(this.#directory, cluster, 'token'), 'utf8').catch(() => undefined);
    return text?.trim();
  }

  /** Removes everything of a cluster that is gone, its authority included. */
  async remove(cluster: string): Promise<void> {
    const directory = path.join(this.#directory, cluster);
    await this.#disk.remove(directory);
    this.#known.delete(cluster);
    for (const key of this.#checked.keys()) {
      if (key.startsWith(`${directory}${path.sep}`)) this.#checked.delete(key);
    }
  }

  async #ensureToken(file: string): Promise<string> {
    try {
      const token = (await readFile(file, 'utf8')).trim();
      if (/^[0-9a-f]{32}$/.test(token)) return token;
      throw new SwarmError(
        'CREDENTIALS_INVALID',
        `Cannot use "${file}": it must hold a token of 32 hex digits`,
        {
          hint: 'Restore the file from a backup, or make a new token with swarmctl repair',
        },
      );
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') {
        if (error instanceof SwarmError) throw error;
        throw new SwarmError('CREDENTIALS_UNREADABLE', `Cannot read "${file}": ${messageOf(error)}`, {
          cause: error,
        });
      }
    }
    const token = this.#randomToken();
    await this.#disk.write(file, `${token}\n`);
    return token;
  }

  async #managed(
    cluster: Cluster,
    options: { readonly nodes: readonly ResolvedNode[]; readonly token: string; readonly directory: string },
  ): Promise<EnsuredCredentials> {
    const pki = path.join(options.directory, 'pki');
    const client = path.join(options.directory, 'client');
    await this.#makeDirectory(pki);
    const nowMs = this.#clock.now();
    const checked = this.#checked.get(pki);
    const isFresh = checked !== undefined && nowMs - checked.atMs < recheckMs;
    const authority = await loadOrCreateAuthority({
      directory: pki,
      commonName: `${cluster.metadata.name} cluster CA`,
      nowMs,
      validityDays: authorityValidityDays,
      known: isFresh ? checked.pair : undefined,
      writer: this.#disk,
    });
    if (!isFresh) this.#checked.set(pki, { key: '', caPem: '', atMs: nowMs, pair: authority });
    await this.#makeDirectory(client);
    await this.#writeIfChanged(path.join(client, 'ca.pem'), authority.certPem);
    const admin = await this.#ensurePair(cluster, authority, {
      directory: client,
      name: 'cert',
      keyName: 'key',
      commonName: 'admin',
      organization: 'swarmctl:admins',
      usages: ['client'],
      hosts: [],
    });
    const pairs = new Map<string, KeyPair>();
    const wishes = options.nodes.flatMap((node) => wishesOf(cluster, { node, directory: pki }));
    for (let start = 0; start < wishes.length; start += issuedAtOnce) {
      await Promise.all(
        wishes.slice(start, start + issuedAtOnce).map(async ({ key, wish }) => {
          pairs.set(key, await this.#ensurePair(cluster, authority, wish));
        }),
      );
    }
    return {
      credentials: {
        token: options.token,
        tls: { caPem: authority.certPem, pairFor: (node, role) => pairs.get(pairKey(node, role)) },
      },
      client: { ca: authority.certPem, cert: admin.certPem, key: admin.keyPem },
    };
  }

  async #ensurePair(cluster: Cluster, authority: KeyPair, wish: Wish): Promise<KeyPair> {
    const { validityDays, renewBeforeDays } = cluster.spec.tls;
    const place = path.join(wish.directory, wish.name);
    // Asked for every node of a fleet again and again: the authority, which is long and the same, is compared by itself.
    const key = JSON.stringify([wish, validityDays, renewBeforeDays]);
    const caPem = authority.certPem;
    const nowMs = this.#clock.now();
    const checked = this.#checked.get(place);
    const isFresh = checked !== undefined && nowMs - checked.atMs < recheckMs;
    if (isFresh && checked.key === key && checked.caPem === caPem) return checked.pair;
    const { hosts, ...rest } = wish;
    const pair = await ensureCertificate({
      ...rest,
      ...namesForCertificate(hosts),
      authority,
      nowMs,
      validityDays,
      renewBeforeDays,
      signers: this.#signers,
      // One that a power cut has torn is issued again; the authority, which nothing can replace, is synced.
      writer: {
        // Made already, once for a thousand certificates.
        makeDirectory: () => Promise.resolve(),
        write: (file, data, mode) => this.#disk.writeRemakable(file, data, mode),
      },
    });
    this.#checked.set(place, { key, caPem, atMs: nowMs, pair });
    return pair;
  }

  /** One certificate for everything, as docker-machine laid it out. Copied, so that DOCKER_CERT_PATH is in one place. */
  async #fromHostPath(
    cluster: Cluster,
    options: {
      readonly nodes: readonly ResolvedNode[];
      readonly token: string;
      readonly clientDirectory: string;
    },
  ): Promise<EnsuredCredentials> {
    const { token, clientDirectory } = options;
    const source = cluster.spec.tls.hostPath ?? '';
    const file = (name: string): string => path.join(source, name);
    const tls = await readTls({ ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') });
    const pair = { certPem: tls.cert ?? '', keyPem: tls.key ?? '' };
    requireUsable(file('cert.pem'), { certPem: pair.certPem, nodes: options.nodes });
    await this.#makeDirectory(clientDirectory);
    await this.#writeIfChanged(path.join(clientDirectory, 'key.pem'), pair.keyPem, 0o600);
    await this.#writeIfChanged(path.join(clientDirectory, 'cert.pem'), pair.certPem);
    await this.#writeIfChanged(path.join(clientDirectory, 'ca.pem'), tls.ca);
    return { credentials: { token, tls: { caPem: tls.ca, pairFor: () => pair } }, client: tls };
  }

  /** Asked for again and again: one that is there costs no sync. */
  async #makeDirectory(directory: string): Promise<void> {
    const isThere = await access(directory).then(
      () => true,
      () => false,
    );
    if (!isThere) await this.#disk.makeDirectory(directory);
  }

  async #writeIfChanged(file: string, content: string, mode = 0o644): Promise<void> {
    const current = await readFile(file, 'utf8').catch(() => undefined);
    if (current !== content) await this.#disk.write(file, content, mode);
  }
}

function wishesOf(
  cluster: Cluster,
  { node, directory }: { readonly node: ResolvedNode; readonly directory: string },
): readonly { readonly key: string; readonly wish: Wish }[] {
  const { name } = node;
  const own = node.address === undefined ? [] : [node.address.host];
  const served = [...own, name, 'localhost', '127.0.0.1'];
  const of = (
    role: AgentRole,
    wish: Pick<Wish, 'name' | 'commonName' | 'organization' | 'usages' | 'hosts'>,
  ): { key: string; wish: Wish } => ({ key: pairKey(name, role), wish: { directory, ...wish } });
  return [
    ...(isManager(node)
      ? [
          of('discovery', {
            name: `discovery-${name}`,
            commonName: `swarm-discovery:${name}`,
            organization: 'swarmctl:discovery',
            usages: ['server'],
            hosts: served,
          }),
          // Server towards clients of the Docker API, client towards the token service.
          of('manage', {
            name: `manager-${name}`,
            commonName: `swarm-manager:${name}`,
            organization: 'swarmctl:managers',
            usages: ['server', 'client'],
            hosts: [...served, ...cluster.spec.manager.extraHosts],
          }),
        ]
      : []),
    ...(isWorker(node)
      ? [
          of('join', {
            name: `agent-${name}`,
            commonName: `swarm-agent:${name}`,
            organization: 'swarmctl:agents',
            usages: ['client'],
            hosts: [],
          }),
        ]
      : []),
  ];
}

function pairKey(node: string, role: AgentRole): string {
  return `${role}/${node}`;
}

/** Refuses what managers could serve with, but nobody would accept. */
function requireUsable(
  file: string,
  { certPem, nodes }: { readonly certPem: string; readonly nodes: readonly ResolvedNode[] },
): void {
  const refuse = (why: string): never => {
    throw new SwarmError('CREDENTIALS_INVALID', `Cannot use "${file}": ${why}`, {
      hint: 'Issue one for servers and clients that names every manager, or use tls.mode: managed',
    });
  };
  const { usageOids } = describeCertificate(certPem);
  for (const [usage, oid] of Object.entries(usages)) {
    // Without the extension a certificate is for everything.
    if (usageOids.length > 0 && !usageOids.includes(oid)) refuse(`it is not for ${usage}`);
  }
  const certificate = parseCertificate(certPem);
  const unnamed = nodes.flatMap((node) => {
    const host = isManager(node) ? node.address?.host : undefined;
    if (host === undefined) return [];
    const isNamed = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
    return isNamed === undefined ? [host] : [];
  });
  if (unnamed.length > 0) refuse(`it does not name ${unnamed.join(', ')}`);
}

const usages = { servers: '1.3.6.1.5.5.7.3.1', clients: '1.3.6.1.5.5.7.3.2' } as const;
