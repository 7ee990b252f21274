// Writes docs/manifests.md from the CRDs in this folder; `--check` only says whether it is current.
import { readFile, writeFile } from 'node:fs/promises';
import { loadCrds } from '../controller/schema/crd.js';
import { renderReferencePage } from './reference-page.js';

const target = 'docs/manifests.md';
const page = renderReferencePage(await loadCrds('schemas'));
if ((await readFile(target, 'utf8').catch(() => '')) !== page) {
  if (process.argv.includes('--check')) {
    process.stderr.write(`Out of date: ${target}\nhint: run make generate and commit the result\n`);
    process.exitCode = 1;
  } else {
    await writeFile(target, page);
  }
}
