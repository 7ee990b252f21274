// Whether anybody but their owner may read files that hold keys or tokens.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { finding, type Finding, type FindingCode } from './diagnosis.js';

/** What is missing is not judged here. */
export async function checkModes(
  subject: string,
  code: FindingCode,
  o: {
    /** Names in messages are relative to it. */
    readonly directory: string;
    /** Relative to the directory, or absolute; `''` is the directory itself. */
    readonly files: readonly string[];
  },
): Promise<readonly Finding[]> {
  const open: string[] = [];
  let seen = 0;
  for (const file of o.files) {
    const found = await stat(path.resolve(o.directory, file)).catch(() => undefined);
    if (found === undefined) continue;
    seen += 1;
    const mode = found.mode & 0o777;
    if ((mode & 0o077) !== 0) open.push(`${file === '' ? o.directory : file} (${mode.toString(8)})`);
  }
  if (seen === 0) return [];
  if (open.length === 0)
    return [finding(subject, code, { level: 'ok', message: 'keys are for their owner only' })];
  const shown = `${open.slice(0, 3).join(', ')}${open.length > 3 ? ` and ${open.length - 3} more` : ''}`;
  return [finding(subject, code, { level: 'fail', message: `others may read ${shown} in ${o.directory}` })];
}
