// Compares text with a file in test/golden; UPDATE_GOLDEN=1 writes the file instead.
import { readFile, writeFile } from 'node:fs/promises';
import process from 'node:process';
import type { Test } from 'tap';

/** @param name file name in test/golden, with its ending */
export async function matchGolden(t: Test, name: string, text: string): Promise<void> {
  const file = `test/golden/${name}`;
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, text);
  const expected = await readFile(file, 'utf8').catch(() => '');
  t.equal(text, expected, `${file} is what is printed (make golden rewrites it)`);
}
