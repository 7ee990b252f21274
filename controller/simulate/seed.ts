// Fills a simulated engine with containers, images and volumes as fleets have them: entries of about 1.4 kB in a list and
// 8 kB in an inspection, with the labels of compose projects and of the manager's own placement.
import { createHash } from 'node:crypto';
import type { SimulatedContainer } from './engine-state.js';
import type { SimulatedEngine } from './engine.js';

const services = ['web', 'api', 'worker', 'cache', 'queue', 'db', 'search', 'metrics', 'mail', 'cron'];
const teams = ['checkout', 'catalog', 'billing', 'identity', 'search', 'logistics'];
const images = [
  'registry.example.com/shop/web:2026.11.3',
  'registry.example.com/shop/api:2026.11.3',
  'registry.example.com/shop/worker:2026.10.9',
  'redis:7.2',
  'postgres:16.4',
  'busybox:latest',
];
const imagesCreatedMs = Date.UTC(2026, 8, 1);
const hourMs = 3_600_000;
/** Containers of one compose project; fleets are full of small ones. */
const projectSize = 150;

export interface SeedOptions {
  /** Position of the engine in the fleet. */
  readonly index: number;
  readonly containers: number;
  /** False: containers that no manager made, whose reservations it must look up. */
  readonly isOurs: boolean;
}

/** References of the images that every engine of a fleet has. */
export const fleetImages: readonly string[] = images;

// Shared by all containers of a service: a fleet has tens of thousands, and their variables are most of their bytes.
const environments = services.map(environment);

export function seedEngine(engine: SimulatedEngine, { index, containers, isOurs }: SeedOptions): void {
  // As everywhere where a name was pulled once: the same image, and none that is newer on the next engine.
  for (const reference of images)
    engine.images.set(reference, { id: imageIdOf(reference), createdMs: imagesCreatedMs });
  for (let at = 0; at < containers; at += 1) {
    const number = index * containers + at;
    const container = seedContainer(engine, { number, isOurs });
    engine.containers.set(container.Id, container);
  }
  for (const name of ['data', 'cache', 'uploads']) {
    const volume = `${engine.name}-${name}`;
    engine.volumes.set(volume, { Name: volume, Labels: {} });
  }
}

function imageIdOf(reference: string): string {
  return `sha256:${createHash('sha256').update(reference).digest('hex')}`;
}

function seedContainer(
  engine: SimulatedEngine,
  { number, isOurs }: { readonly number: number; readonly isOurs: boolean },
): SimulatedContainer {
  const { clock, randomHex } = engine.options;
  const service = pick(services, number);
  const project = `shop-${Math.floor(number / projectSize)}`;
  const name = `${project}-${service}-${number}`;
  // Of ten containers nine run; ages are spread over three weeks.
  const isRunning = number % 10 !== 9;
  const ageMs = (1 + (number % 500)) * hourMs;
  const memory = 67_108_864;
  return {
    Id: randomHex(32),
    name,
    status: isRunning ? 'running' : 'exited',
    createdMs: clock.now() - ageMs,
    startedMs: clock.now() - ageMs + 1_000,
    exitCode: 0,
    body: {
      Image: pick(images, number),
      Cmd: ['/usr/local/bin/serve', '--listen=:8080', '--log=json'],
      Env: pick(environments, number),
      ExposedPorts: { '8080/tcp': {} },
      Labels: {
        'com.docker.compose.project': project,
        'com.docker.compose.service': service,
        'com.docker.compose.container-number': String(number),
        'com.example.team': pick(teams, number),
        ...(isOurs
          ? {
              'com.docker.swarm.id': randomHex(32),
              'io.swarmctl.reserved-memory-bytes': String(memory),
              'io.swarmctl.reserved-cpus': '0.05',
            }
          : {}),
      },
      HostConfig: {
        NetworkMode: 'bridge',
        Memory: memory,
        NanoCpus: 50_000_000,
        RestartPolicy: { Name: 'unless-stopped', MaximumRetryCount: 0 },
        Binds: [`${engine.name}-data:/var/lib/shop`],
        PortBindings: { '8080/tcp': [{ HostIp: '', HostPort: String(20_000 + (number % 20_000)) }] },
      },
    },
  };
}

function environment(service: string): readonly string[] {
  return [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    `SERVICE_NAME=${service}`,
    'LOG_LEVEL=info',
    ...Array.from(
      { length: 30 },
      (_, at) =>
        `SHOP_${service.toUpperCase()}_SETTING_${at}=https://settings.example.com/${service}/${at}?stage=live`,
    ),
  ];
}

function pick<T>(list: readonly T[], at: number): T {
  return list[at % list.length] as T; // lists above are not empty
}
