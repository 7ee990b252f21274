// TLS contexts of credentials towards engines: built once for all engines that share the credentials.
import tls from 'node:tls';
import type { EngineTls } from './endpoint.js';

/**
 * A context costs over a millisecond and tens of kilobytes, most of it for reading the CA: at a thousand engines with one
 * client certificate that is a second of start. Contexts go with the credentials they were made of.
 */
export class SecureContexts {
  readonly #contexts = new WeakMap<EngineTls, tls.SecureContext>();

  /** @throws Error when the files are no certificates or keys */
  of(material: EngineTls): tls.SecureContext {
    const known = this.#contexts.get(material);
    if (known !== undefined) return known;
    const context = secureContextOf(material);
    this.#contexts.set(material, context);
    return context;
  }
}

/** A context of its own. */
export function secureContextOf(
  material: EngineTls,
  maxVersion: tls.SecureVersion = 'TLSv1.3',
): tls.SecureContext {
  return tls.createSecureContext({
    minVersion: 'TLSv1.2',
    maxVersion,
    ...(material.ca === '' ? {} : { ca: material.ca }),
    ...(material.cert === undefined ? {} : { cert: material.cert }),
    ...(material.key === undefined ? {} : { key: material.key }),
  });
}
