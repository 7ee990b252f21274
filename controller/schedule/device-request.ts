// GPUs and other devices that a create body asks for (`--gpus`, `--device vendor.com/class=name`).
import { isJsonObject, stringAt, type JsonObject } from '../base/json.js';

export interface DeviceWish {
  /** GPUs by number, whichever they are. */
  readonly gpus: number;
  /** `--gpus all`: every GPU of the engine, one at least. */
  readonly allGpus: boolean;
  /** GPUs by index or UUID. */
  readonly gpuIds: readonly string[];
  /** Names of the Container Device Interface: `vendor.com/class=name`. */
  readonly cdiNames: readonly string[];
}

/** Reads HostConfig.DeviceRequests. Requests of other kinds are the engine's business. @returns undefined when there are none */
export function readDevices(hostConfig: JsonObject): DeviceWish | undefined {
  const requests: unknown = hostConfig['DeviceRequests'];
  if (!Array.isArray(requests)) return undefined;
  let gpus = 0;
  let allGpus = false;
  const gpuIds: string[] = [];
  const cdiNames: string[] = [];
  for (const request of requests as unknown[]) {
    const ids = textsAt(request, 'DeviceIDs');
    if (stringAt(request, 'Driver') === 'cdi') {
      cdiNames.push(...ids);
      continue;
    }
    if (!wantsGpu(request)) continue;
    const count: unknown = isJsonObject(request) ? request['Count'] : undefined;
    if (ids.length > 0) gpuIds.push(...ids);
    else if (typeof count === 'number' && count >= 0) gpus += count;
    else allGpus = true;
  }
  const isEmpty = gpus === 0 && !allGpus && gpuIds.length + cdiNames.length === 0;
  return isEmpty ? undefined : { gpus, allGpus, gpuIds, cdiNames };
}

/** Capabilities are alternatives, each a list of what must be there together. */
function wantsGpu(request: unknown): boolean {
  const capabilities: unknown = isJsonObject(request) ? request['Capabilities'] : undefined;
  const lists = Array.isArray(capabilities) ? (capabilities as unknown[]) : [];
  return lists.some((list) => Array.isArray(list) && list.includes('gpu'));
}

function textsAt(value: unknown, key: string): readonly string[] {
  const list: unknown = isJsonObject(value) ? value[key] : undefined;
  return Array.isArray(list) ? list.filter((text): text is string => typeof text === 'string') : [];
}
