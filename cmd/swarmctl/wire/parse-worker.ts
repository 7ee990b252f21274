// The thread that parses large manifest files; manifest-parser.ts starts it and speaks to it by messages.
import { parentPort, workerData } from 'node:worker_threads';
import { loadCrds } from '../../../controller/schema/crd.js';
import { Validator } from '../../../controller/schema/validate.js';
import type { ParseRequest } from '../../../controller/source/parse-aside.js';
import { parseManifest } from '../../../controller/source/parse-manifest.js';

/** Given by manifest-parser.ts. */
export interface ParseWorkerData {
  /** Directory of the CRDs. */
  readonly schemas: string;
}

const { schemas } = workerData as ParseWorkerData; // the only one who starts this file sends it
// Requests that come before this resolves wait in the port.
const validator = new Validator(await loadCrds(schemas));
parentPort?.on('message', ({ file, text }: ParseRequest) => {
  parentPort?.postMessage(parseManifest({ file, text, validator }));
});
