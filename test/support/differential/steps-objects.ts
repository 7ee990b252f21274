// Volumes, networks, plugins, and what all of it takes on the disk.
import { archiveOf } from './archive-of.js';
import type { Step } from './step.js';
import { json } from './steps-system.js';

const on = (operation: string, path: string, more: Partial<Step> = {}): Step => ({
  operation,
  path,
  ...more,
});
const filters = (value: object): string => `filters=${encodeURIComponent(JSON.stringify(value))}`;
const broken = { about: 'broken JSON', body: '{', headers: json() };

const volumeSteps: readonly Step[] = [
  on('POST /volumes/create', '/volumes/create', { body: { Name: 'df-data', Labels: { a: 'b' } } }),
  on('POST /volumes/create', '/volumes/create', { about: 'again', body: { Name: 'df-data' } }),
  on('POST /volumes/create', '/volumes/create', { about: 'bad name', body: { Name: 'd f' } }),
  on('POST /volumes/create', '/volumes/create', broken),
  on('GET /volumes', '/volumes'),
  on('GET /volumes', `/volumes?${filters({ name: { 'df-': true } })}`, { about: 'by name' }),
  on('GET /volumes', `/volumes?${filters({ nope: ['x'] })}`, { about: 'unknown filter' }),
  on('GET /volumes', `/volumes?${filters({ dangling: ['x'] })}`, { about: 'bad filter' }),
  on('GET /volumes/{name}', '/volumes/df-data'),
  on('GET /volumes/{name}', '/volumes/df-none', { about: 'missing' }),
  on('PUT /volumes/{name}', '/volumes/df-data?version=1', { body: {} }),
  on('DELETE /volumes/{name}', '/volumes/df-none', { about: 'missing' }),
  on('DELETE /volumes/{name}', '/volumes/df-none?force=1', { about: 'missing, force' }),
  on('DELETE /volumes/{name}', '/volumes/df-data'),
  on('POST /volumes/prune', `/volumes/prune?${filters({ label: ['df-none'] })}`),
  on('POST /volumes/prune', `/volumes/prune?${filters({ nope: ['x'] })}`, { about: 'unknown filter' }),
];

const networkSteps: readonly Step[] = [
  on('POST /networks/create', '/networks/create', {
    body: { Name: 'df-net', CheckDuplicate: true, Labels: { a: 'b' } },
    remember: { key: 'net', field: 'Id' },
  }),
  on('POST /networks/create', '/networks/create', {
    about: 'again',
    body: { Name: 'df-net', CheckDuplicate: true },
  }),
  on('POST /networks/create', '/networks/create', { about: 'no name', body: {} }),
  on('POST /networks/create', '/networks/create', { about: 'predefined', body: { Name: 'bridge' } }),
  on('POST /networks/create', '/networks/create', broken),
  on('GET /networks', '/networks', { isUnordered: true }),
  on('GET /networks/', '/networks/', { isUnordered: true }),
  on('GET /networks', `/networks?${filters({ name: { 'df-': true } })}`, { about: 'by name' }),
  on('GET /networks', `/networks?${filters({ nope: ['x'] })}`, { about: 'unknown filter' }),
  on('GET /networks', `/networks?${filters({ type: ['x'] })}`, { about: 'bad type' }),
  on('GET /networks/{id}', '/networks/df-net'),
  on('GET /networks/{id}', '/networks/{net}', { about: 'by ID' }),
  on('GET /networks/{id}', '/networks/bridge', { about: 'predefined' }),
  on('GET /networks/{id}', '/networks/df-none', { about: 'missing' }),
  {
    operation: 'POST /containers/create',
    about: 'to connect',
    path: '/containers/create?name=df-net-1',
    body: { Image: 'busybox', Cmd: ['sleep', '600'] },
    remember: { key: 'connected', field: 'Id' },
  },
  on('POST /networks/{id}/connect', '/networks/df-net/connect', { body: { Container: 'df-net-1' } }),
  on('POST /networks/{id}/connect', '/networks/df-net/connect', {
    about: 'again',
    body: { Container: 'df-net-1' },
  }),
  on('POST /networks/{id}/connect', '/networks/df-net/connect', {
    about: 'no container',
    body: { Container: 'df-none' },
  }),
  on('POST /containers/{id}/start', '/containers/df-net-1/start', { about: 'to connect' }),
  on('GET /networks', `/networks?${filters({ name: { 'df-net': true } })}`, { about: 'with a container' }),
  on('GET /networks/{id}', '/networks/df-net', { about: 'with a container' }),
  on('POST /networks/{id}/connect', '/networks/df-none/connect', {
    about: 'no network',
    body: { Container: 'df-net-1' },
  }),
  on('POST /networks/{id}/connect', '/networks/df-net/connect', broken),
  on('POST /networks/{id}/disconnect', '/networks/df-net/disconnect', { body: { Container: 'df-net-1' } }),
  on('POST /networks/{id}/disconnect', '/networks/df-net/disconnect', {
    about: 'again',
    body: { Container: 'df-net-1' },
  }),
  on('POST /networks/{id}/disconnect', '/networks/df-net/disconnect', {
    about: 'no container',
    body: { Container: 'df-none' },
  }),
  on('DELETE /containers/{id}', '/containers/df-net-1?force=1', { about: 'connected' }),
  on('DELETE /networks/{id}', '/networks/df-none', { about: 'missing' }),
  on('DELETE /networks/{id}', '/networks/bridge', { about: 'predefined' }),
  on('DELETE /networks/{id}', '/networks/df-net'),
  on('POST /networks/prune', `/networks/prune?${filters({ label: ['df-none'] })}`),
  on('POST /networks/prune', `/networks/prune?${filters({ nope: ['x'] })}`, { about: 'unknown filter' }),
];

const manifest = {
  description: 'df',
  documentation: '',
  entrypoint: ['/x'],
  interface: { socket: 'df.sock', types: ['docker.volumedriver/1.0'] },
  linux: { capabilities: [] },
  network: { type: 'none' },
  env: [{ name: 'DF', settable: ['value'], value: '0' }],
};

const pluginSteps: readonly Step[] = [
  on('GET /plugins', '/plugins'),
  on('GET /plugins', `/plugins?${filters({ nope: ['x'] })}`, { about: 'unknown filter' }),
  on('GET /plugins/privileges', '/plugins/privileges?remote=127.0.0.1:1/p'),
  on('POST /plugins/pull', '/plugins/pull?remote=127.0.0.1:1/p', { about: 'no registry', body: [] }),
  on('POST /plugins/create', '/plugins/create?name=127.0.0.1:1/df-plugin', {
    body: archiveOf({ 'config.json': JSON.stringify(manifest), 'rootfs/x': '' }),
    headers: { 'Content-Type': 'application/x-tar' },
  }),
  on('GET /plugins', '/plugins', { about: 'created' }),
  on('GET /plugins/{name}/json', '/plugins/127.0.0.1:1/df-plugin/json'),
  on('POST /plugins/{name}/set', '/plugins/127.0.0.1:1/df-plugin/set', { body: ['DF=1'] }),
  on('POST /plugins/{name}/set', '/plugins/127.0.0.1:1/df-plugin/set', {
    about: 'unknown',
    body: ['NOPE=1'],
  }),
  on('POST /plugins/{name}/disable', '/plugins/127.0.0.1:1/df-plugin/disable', { about: 'not enabled' }),
  on('POST /plugins/{name}/enable', '/plugins/127.0.0.1:1/df-plugin/enable?timeout=1', {
    about: 'no program',
  }),
  on('POST /plugins/{name}/push', '/plugins/127.0.0.1:1/df-plugin/push', {
    about: 'no rights',
    comparison: 'head',
  }),
  on('POST /plugins/{name}/upgrade', '/plugins/127.0.0.1:1/df-plugin/upgrade?remote=127.0.0.1:1/p', {
    body: [],
  }),
  on('DELETE /plugins/{name}', '/plugins/127.0.0.1:1/df-plugin?force=1'),
  on('GET /plugins/{name}/json', '/plugins/127.0.0.1:1/df-plugin/json', { about: 'missing' }),
  on('POST /plugins/{name}/enable', '/plugins/127.0.0.1:1/df-plugin/enable?timeout=1', { about: 'missing' }),
  on('POST /plugins/{name}/disable', '/plugins/127.0.0.1:1/df-plugin/disable', { about: 'missing' }),
  on('POST /plugins/{name}/set', '/plugins/127.0.0.1:1/df-plugin/set', { about: 'missing', body: ['A=1'] }),
  on('DELETE /plugins/{name}', '/plugins/127.0.0.1:1/df-plugin', { about: 'missing' }),
  on('POST /plugins/{name}/push', '/plugins/127.0.0.1:1/df-plugin/push', { about: 'missing' }),
];

export const objectSteps: readonly Step[] = [
  ...volumeSteps,
  ...networkSteps,
  ...pluginSteps,
  on('GET /system/df', '/system/df'),
];
