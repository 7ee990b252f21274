// Starts the thread in which large manifest files are parsed.
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../../controller/base/clock.js';
import { ParseThread } from '../../../controller/source/parse-aside.js';
import type { ParseWorkerData } from './parse-worker.js';
import { workerFile } from './worker-file.js';

/** @param o.schemas directory of the CRDs */
export function createManifestParser(o: {
  readonly schemas: string;
  readonly clock: Clock;
  readonly timeoutMs?: number;
}): ParseThread {
  const workerData: ParseWorkerData = { schemas: o.schemas };
  return new ParseThread({
    clock: o.clock,
    ...(o.timeoutMs === undefined ? {} : { timeoutMs: o.timeoutMs }),
    startWorker: (resourceLimits) => {
      const worker = new Worker(workerFile(import.meta.url, 'parse-worker'), {
        workerData,
        resourceLimits,
        stdout: false,
      });
      worker.unref();
      return worker;
    },
  });
}
