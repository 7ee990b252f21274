// The smallest docker-archive that names an image: engines in memory do not look inside.
import { writeFile } from 'node:fs/promises';
import { pack } from 'tar-stream';

export const tinyImage = 'swarm:1.0.0-tiny';

export async function writeTinyArchive(file: string): Promise<void> {
  const archive = pack();
  const manifest = [{ Config: 'config.json', RepoTags: [tinyImage], Layers: [] }];
  archive.entry({ name: 'manifest.json' }, JSON.stringify(manifest));
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer); // tar-stream yields Buffers
  await writeFile(file, Buffer.concat(chunks));
}
