// A whole operator, as it is shipped, in a world in memory: its own store and files, a fake clock, a manifest directory
// that is looked at when a test rings.
import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import {
  createOperator,
  loadSchemas,
  type Operator,
  type Schemas,
} from '../../../cmd/swarmctl/wire/operator.js';
import { findPackageRoot } from '../../../cmd/swarmctl/package-root.js';
import { silentLogger, type Logger } from '../../../controller/base/log.js';
import { identifyDirectory } from '../../../controller/source/identify-directory.js';
import { DirectorySource } from '../../../controller/source/directory-source.js';
import type { FakeClock } from '../fake-clock.js';
import type { Process } from './memory-wire.js';
import type { MemoryWorld } from './memory-world.js';

const packageRoot = findPackageRoot(import.meta.dirname);

export interface MemoryOperator {
  readonly store: Operator['store'];
  readonly installation: string;
  readonly source: DirectorySource;
  /** The manifests may have changed. */
  ring(): void;
  close(): Promise<void>;
}

export function testSchemas(): Promise<Schemas> {
  return loadSchemas(packageRoot);
}

export async function startMemoryOperator(o: {
  readonly world: MemoryWorld;
  readonly clock: FakeClock;
  readonly schemas: Schemas;
  readonly stateDirectory: string;
  readonly manifestsDirectory: string;
  readonly imageArchive: string;
  readonly process?: Process;
  readonly logger?: Logger;
}): Promise<MemoryOperator> {
  const { clock, stateDirectory, schemas, logger = silentLogger } = o;
  const operator = await createOperator({
    ...{ clock, stateDirectory, packageRoot, schemas, logger },
    machinesDirectory: path.join(stateDirectory, 'no-machines'),
    imageArchive: o.imageArchive,
    outside: o.world.outside(o.process ?? { isOver: false }),
    serveApi: false,
    version: '1.0.0',
    random: () => 0.5,
    randomUuid: randomUUID,
    randomToken: () => randomBytes(16).toString('hex'),
    env: {},
    onFatal: (error) => {
      throw error;
    },
  });
  const source = new DirectorySource({
    ...{ clock, logger },
    directory: o.manifestsDirectory,
    store: operator.store,
    validator: schemas.validator,
    random: () => 0.5,
    ports: {
      watch: async ({ directory }) => ({
        rootId: (await identifyDirectory(directory)).id,
        close: () => Promise.resolve(),
      }),
    },
  });
  // The first look takes time of the clock.
  const started = source.start(new AbortController().signal);
  return {
    store: operator.store,
    installation: operator.installation,
    source,
    ring: () => source.rescan(),
    close: async () => {
      await source.close();
      await started;
      await operator.close();
    },
  };
}
