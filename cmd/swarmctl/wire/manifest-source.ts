// Where manifests come from: a directory, or a branch of a git repository. Constructs the source and says of it what the
// API server shows.
import path from 'node:path';
import type { Provenance } from '../../../controller/apiserver/provenance.js';
import type { ReadinessCheck } from '../../../controller/apiserver/router.js';
import type { Clock } from '../../../controller/base/clock.js';
import type { Logger } from '../../../controller/base/log.js';
import type { Validator } from '../../../controller/schema/validate.js';
import { DirectorySource } from '../../../controller/source/directory-source.js';
import { GitRepository } from '../../../controller/source/git-repository.js';
import { GitSource, shortId, type GitSourceOptions } from '../../../controller/source/git-source.js';
import type { ParseThread } from '../../../controller/source/parse-aside.js';
import { createGitRunner } from '../../../controller/source/run-git.js';
import { WebhookServer, webhookPath } from '../../../controller/source/webhook-server.js';
import type { Store } from '../../../controller/store/store.js';
import { createManifestParser } from './manifest-parser.js';

export interface GitOptions {
  readonly url: string;
  readonly branch: string;
  /** Directory of the manifests in the repository. */
  readonly path: string;
  readonly intervalMs: number;
  readonly requireSigned: boolean;
  readonly allowedSigners?: string;
  readonly webhook?: { readonly host: string; readonly port: number; readonly secret: string | undefined };
}

export interface ManifestSourceOptions {
  readonly manifestsDirectory?: string;
  readonly git?: GitOptions;
  readonly stateDirectory: string;
  readonly packageRoot: string;
  readonly pruneDelayMs?: number;
  readonly mayPrune?: boolean;
  readonly takeOver?: boolean;
  readonly store: Store;
  readonly validator: Validator;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface ManifestSource {
  start(): Promise<void>;
  /** Asks for a look soon. */
  ring(): void;
  readiness(): readonly ReadinessCheck[];
  provenance(): Provenance | undefined;
  close(): Promise<void>;
}

/** @returns undefined when objects come through the API only */
export function createManifestSource(o: ManifestSourceOptions): ManifestSource | undefined {
  const { store, validator, clock, logger, random, pruneDelayMs, mayPrune = true, takeOver = false } = o;
  const aside = (): ParseThread =>
    createManifestParser({ schemas: path.join(o.packageRoot, 'schemas'), clock });
  const follow = (directory: string, shownAs?: string): DirectorySource =>
    new DirectorySource({
      ...{ directory, store, validator, clock, logger, random, mayPrune, takeOver, aside: aside() },
      isCheckout: o.git !== undefined,
      ...(shownAs === undefined ? {} : { shownAs }),
      ...(pruneDelayMs === undefined ? {} : { pruneDelayMs }),
    });
  if (o.git !== undefined) return gitSource(o, o.git, { follow, aside: aside() });
  if (o.manifestsDirectory === undefined) return undefined;
  const source = follow(o.manifestsDirectory);
  return {
    start: () => source.start(new AbortController().signal),
    ring: () => source.rescan(),
    readiness: () => [{ name: 'directory', error: directoryError(source) }],
    provenance: () => undefined,
    close: () => source.close(),
  };
}

function gitSource(
  o: ManifestSourceOptions,
  git: GitOptions,
  parts: Pick<GitSourceOptions, 'follow'> & { readonly aside: ParseThread },
): ManifestSource {
  const { store, validator, clock, logger, random } = o;
  const repository = new GitRepository({
    ...git,
    directory: path.join(o.stateDirectory, 'git'),
    git: createGitRunner(o.env, clock),
  });
  const source = new GitSource({ ...git, ...parts, repository, store, validator, clock, logger, random });
  const webhook =
    git.webhook === undefined
      ? undefined
      : new WebhookServer({ secret: git.webhook.secret, onPush: () => source.ring(), logger });
  return {
    start: async () => {
      if (webhook !== undefined && git.webhook !== undefined) {
        const { host } = git.webhook;
        const { port } = await webhook.listen(git.webhook);
        logger.info('Taking webhooks', {
          host,
          port,
          path: webhookPath,
          secret: git.webhook.secret !== undefined,
        });
      }
      await source.start();
    },
    ring: () => source.ring(),
    readiness: () => [{ name: 'git', error: gitError(source) }],
    provenance: () => provenanceOf(source),
    close: async () => {
      await webhook?.close();
      await source.close();
    },
  };
}

function directoryError(source: DirectorySource): string | undefined {
  const { condition, message } = source.state();
  return condition === 'Ready' || condition === 'Degraded' ? undefined : message;
}

/** A remote that is away for a while leaves the operator ready: it works on with what is in force. */
function gitError(source: GitSource): string | undefined {
  const { inForce, refused, error } = source.state();
  if (inForce === undefined) return error ?? refused?.why ?? 'The first commit has not been fetched yet';
  return source.directory === undefined ? undefined : directoryError(source.directory);
}

function provenanceOf(source: GitSource): Provenance | undefined {
  const { inForce, refused } = source.state();
  if (inForce === undefined) return undefined;
  return {
    commit: inForce.id,
    author: inForce.author,
    time: inForce.time,
    refused: refused === undefined ? undefined : `${shortId(refused.commit)}: ${refused.why}`,
  };
}
