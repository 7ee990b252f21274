// What a real engine holds, read over its own socket: containers with the files that the operator gives them, volumes.
import { request } from 'node:http';
import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { containerLabels } from '../../../controller/api/labels.js';
import { filesRoot } from '../../../controller/plan/container-files.js';

export interface Found {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Listed {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly State: string;
  readonly Labels: Readonly<Record<string, string>>;
}

type Socket = Pick<{ readonly socket: string }, 'socket'>;

export async function containersOn(engine: Socket): Promise<readonly Found[]> {
  const all = (await readJson(engine, '/containers/json?all=1')) as readonly Listed[]; // as engines answer
  return all.map(({ Id, Names, State, Labels }) => ({
    ...{ id: Id, state: State, labels: Labels },
    name: Names.map((name) => name.slice(1)).join(' '),
  }));
}

export async function volumesOn(engine: Socket): Promise<readonly string[]> {
  const { Volumes } = (await readJson(engine, '/volumes')) as {
    readonly Volumes: readonly { Name: string }[] | null;
  }; // as engines answer
  return (Volumes ?? []).map(({ Name }) => Name);
}

export async function restartPolicyOf(engine: Socket, id: string): Promise<string> {
  const { HostConfig } = (await readJson(engine, `/containers/${id}/json`)) as {
    readonly HostConfig: { readonly RestartPolicy: { readonly Name: string } };
  }; // as engines answer
  return HostConfig.RestartPolicy.Name;
}

/** By path below the directory of our files. */
export async function filesIn(engine: Socket, id: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const unpacked = extract();
  const answer = await get(engine, `/containers/${id}/archive?path=${encodeURIComponent(filesRoot)}`);
  answer.pipe(unpacked);
  for await (const entry of unpacked) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer); // tar-stream yields Buffers
    files.set(entry.header.name.replace(/^[^/]*\//, ''), Buffer.concat(chunks).toString('utf8'));
  }
  return files;
}

export function isOurs({ labels }: Found): boolean {
  return labels[containerLabels.installation] !== undefined;
}

async function readJson(engine: Socket, path: string): Promise<unknown> {
  let text = '';
  for await (const chunk of (await get(engine, path)).setEncoding('utf8')) text += String(chunk);
  return JSON.parse(text) as unknown;
}

function get({ socket }: Socket, path: string): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socket, path, agent: false }, (response) => {
      if (response.statusCode === 200) resolve(response);
      else reject(new Error(`GET ${path} answered ${response.statusCode}`));
    });
    call.on('error', reject).end();
  });
}
