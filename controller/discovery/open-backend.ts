// From a discovery URL to the backend that serves it.
import type { Clock } from '../base/clock.js';
import { SwarmError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { DiscoveryBackend } from './backend.js';
import { ClientTlsSource, clientTlsFiles } from './client-tls.js';
import { parseTokenTarget, splitDiscoveryUrl } from './discovery-url.js';
import { openFile } from './file-backend.js';
import { IndirectBackend } from './indirect-backend.js';
import { openNodes } from './nodes-backend.js';
import { TokenBackend } from './token-backend.js';

export interface OpenDiscoveryOptions {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly logger?: Logger;
  /** `--discovery-opt` pairs; unknown keys are ignored, as ever. */
  readonly options: Readonly<Record<string, string>>;
}

/**
 * Opens a backend; nothing is contacted yet, but files that the options name are read.
 * @throws {DISCOVERY_INVALID | DISCOVERY_UNSUPPORTED | CREDENTIALS_UNREADABLE | CREDENTIALS_INVALID} in classic texts
 *   where the classic one had any
 */
export async function openDiscovery(url: string, options: OpenDiscoveryOptions): Promise<DiscoveryBackend> {
  const { scheme, rest } = splitDiscoveryUrl(url);
  switch (scheme) {
    case 'nodes':
      return openNodes(rest);
    case 'file':
      return openFile(rest, options);
    case 'url-file':
      return IndirectBackend.open(rest, (inner) => openDiscovery(refuseNesting(inner), options));
    case 'token':
    case 'token+http':
      return openToken(rest, { ...options, insecure: scheme === 'token+http' });
    case 'consul':
    case 'etcd':
    case 'zk':
      throw new SwarmError(
        'DISCOVERY_UNSUPPORTED',
        `Cannot use discovery "${scheme}": this version supports token://, file:// and nodes:// (or a bare list)`,
      );
    default:
      throw new SwarmError('DISCOVERY_UNSUPPORTED', 'discovery service not supported');
  }
}

function refuseNesting(url: string): string {
  if (splitDiscoveryUrl(url).scheme !== 'url-file') return url;
  throw new SwarmError('DISCOVERY_INVALID', 'Cannot use a discovery file that names another discovery file');
}

async function openToken(
  rest: string,
  options: OpenDiscoveryOptions & { readonly insecure: boolean },
): Promise<DiscoveryBackend> {
  const insecure = options.insecure || isInsecure(options.options);
  const target = parseTokenTarget(rest, { insecure });
  const tls = await openClientTls({ ...options, insecure });
  return new TokenBackend({ ...options, target, tls });
}

/** The TLS material for token services, read and checked once; undefined when they are spoken to without TLS. */
export async function openClientTls(options: {
  readonly insecure: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly logger?: Logger;
}): Promise<ClientTlsSource | undefined> {
  if (options.insecure) return undefined;
  const source = new ClientTlsSource(clientTlsFiles(options.options), options.logger);
  await source.reload();
  return source;
}

/** Whether `--discovery-opt token.insecure=true` asks for plain HTTP. */
export function isInsecure(options: Readonly<Record<string, string>>): boolean {
  return options['token.insecure'] === 'true' || options['kv.insecure'] === 'true';
}
