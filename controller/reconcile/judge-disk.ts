// How full a disk may be before doctor speaks of it: of this host, or of an engine that tells.
import { statfs } from 'node:fs/promises';
import { formatBytes } from '../base/byte-size.js';
import { isJsonObject } from '../base/json.js';
import type { Level } from './diagnosis.js';

export interface DiskSpace {
  readonly freeBytes: number;
  /** Of what may be used at all. */
  readonly totalBytes: number;
  /** False: files cannot be made although there is room. */
  readonly hasInodes: boolean;
}

const noticedShare = 0.85;
const harmfulShare = 0.95;
// A tenth of a large disk is room for years: shares only count below this.
const plentyBytes = 50 * 2 ** 30;
// The state is a few MB; a disk with less than this is full after the next log rotation.
const littleBytes = 100 * 2 ** 20;
const noneBytes = 10 * 2 ** 20;

export function judgeDisk(space: DiskSpace): { readonly level: Level; readonly message: string } {
  const { freeBytes, totalBytes, hasInodes } = space;
  const share = totalBytes > 0 ? 1 - freeBytes / totalBytes : 0;
  const counted = freeBytes < plentyBytes ? share : 0;
  const isBad = !hasInodes || freeBytes < noneBytes || counted >= harmfulShare;
  const isLittle = freeBytes < littleBytes || counted >= noticedShare;
  const percent = Math.floor(share * 100);
  const message = `${percent} % full, ${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} free${hasInodes ? '' : ', but no inodes are'}`;
  return { level: isBad ? 'fail' : isLittle ? 'warn' : 'ok', message };
}

/** Of the file system that holds `directory`. @throws what statfs throws */
export async function readDiskSpace(directory: string): Promise<DiskSpace> {
  const { bavail, bfree, blocks, bsize, files, ffree } = await statfs(directory);
  // What is kept for root is neither free nor used, as in df.
  const total = blocks - bfree + bavail;
  return { freeBytes: bavail * bsize, totalBytes: total * bsize, hasInodes: files === 0 || ffree > 1000 };
}

/** From GET /info; undefined for storage drivers that say nothing of it, which are most. */
export function diskSpaceOfInfo(info: unknown): DiskSpace | undefined {
  const rows: unknown = isJsonObject(info) ? info['DriverStatus'] : undefined;
  const told = new Map<string, number>();
  for (const row of Array.isArray(rows) ? (rows as readonly unknown[]) : []) {
    if (Array.isArray(row)) told.set(String(row[0]), parseSize(String(row[1])));
  }
  // devicemapper names the total, zfs what is used by all.
  const freeBytes = told.get('Data Space Available') ?? told.get('Space Available') ?? NaN;
  const used = told.get('Data Space Used') ?? told.get('Space Used By Parent') ?? NaN;
  const totalBytes = told.get('Data Space Total') ?? freeBytes + used;
  return Number.isFinite(freeBytes) && Number.isFinite(totalBytes) && totalBytes > 0
    ? { freeBytes, totalBytes, hasInodes: true }
    : undefined;
}

const units = ['', 'k', 'm', 'g', 't', 'p'];

/** `11.6 GB`, `7.8GiB`, `123`: bytes; NaN when it is no size. */
function parseSize(text: string): number {
  const match = /^([\d.]+)\s*([kmgtp]?)(i?)b?$/i.exec(text.trim());
  if (match === null) return NaN;
  const base = match[3] === '' ? 1000 : 1024;
  return Number(match[1]) * base ** units.indexOf((match[2] ?? '').toLowerCase());
}
