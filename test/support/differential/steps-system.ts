// Operations on the engine as a whole, and on what is not there at all.
import type { Step } from './step.js';

// Swarm-mode calls outside of a swarm are refused before their bodies are read.
const swarm: readonly (readonly [string, string])[] = [
  ['GET /swarm', '/swarm'],
  ['POST /swarm/update', '/swarm/update?version=1'],
  ['GET /swarm/unlockkey', '/swarm/unlockkey'],
  ['GET /services', '/services'],
  ['POST /services/create', '/services/create'],
  ['GET /services/{id}', '/services/x'],
  ['DELETE /services/{id}', '/services/x'],
  ['POST /services/{id}/update', '/services/x/update?version=1'],
  ['GET /services/{id}/logs', '/services/x/logs?stdout=1'],
  ['GET /tasks', '/tasks'],
  ['GET /tasks/{id}', '/tasks/x'],
  ['GET /tasks/{id}/logs', '/tasks/x/logs?stdout=1'],
  ['GET /secrets', '/secrets'],
  ['POST /secrets/create', '/secrets/create'],
  ['GET /secrets/{id}', '/secrets/x'],
  ['DELETE /secrets/{id}', '/secrets/x'],
  ['POST /secrets/{id}/update', '/secrets/x/update?version=1'],
  ['GET /configs', '/configs'],
  ['POST /configs/create', '/configs/create'],
  ['GET /configs/{id}', '/configs/x'],
  ['DELETE /configs/{id}', '/configs/x'],
  ['POST /configs/{id}/update', '/configs/x/update?version=1'],
  ['GET /nodes', '/nodes'],
  ['GET /nodes/{id}', '/nodes/x'],
  ['DELETE /nodes/{id}', '/nodes/x'],
  ['POST /nodes/{id}/update', '/nodes/x/update?version=1'],
];

export const systemSteps: readonly Step[] = [
  { operation: 'GET /_ping', path: '/_ping' },
  { operation: 'GET /_ping', about: 'without version', path: '/_ping', isUnversioned: true },
  { operation: 'HEAD /_ping', path: '/_ping' },
  { operation: 'GET /version', path: '/version' },
  { operation: 'GET /info', path: '/info' },
  { operation: 'GET /debug/{page}', path: '/debug/nothing' },
  { operation: 'OPTIONS *', path: '/containers/json' },
  { operation: 'GET /_ping', about: 'a page that is not there', path: '/no/such/page' },
  { operation: 'GET /_ping', about: 'too new', path: '/v9.99/_ping', isUnversioned: true },
  {
    operation: 'POST /auth',
    about: 'no registry',
    path: '/auth',
    body: { serveraddress: 'http://127.0.0.1:1' },
  },
  { operation: 'POST /auth', about: 'broken JSON', path: '/auth', body: '{', headers: json() },
  {
    operation: 'GET /images/search',
    about: 'no registry',
    path: '/images/search?term=127.0.0.1:1/x',
  },
  { operation: 'GET /images/search', about: 'bad limit', path: '/images/search?term=x&limit=a' },
  {
    operation: 'GET /distribution/{name}/json',
    about: 'no registry',
    path: '/distribution/127.0.0.1:1/x/json',
  },
  ...swarm.map(([operation, path]): Step => ({
    operation,
    path,
    ...(operation.startsWith('POST') ? { body: {} } : {}),
  })),
  {
    operation: 'POST /swarm/leave',
    path: '/swarm/leave',
  },
  { operation: 'POST /swarm/unlock', path: '/swarm/unlock', body: { UnlockKey: 'x' } },
  { operation: 'POST /swarm/init', about: 'bad address', path: '/swarm/init', body: { ListenAddr: 'x:y:z' } },
  { operation: 'POST /swarm/join', about: 'bad address', path: '/swarm/join', body: { ListenAddr: 'x:y:z' } },
];

export function json(): Readonly<Record<string, string>> {
  return { 'Content-Type': 'application/json' };
}
