// Images: listed, inspected, named, saved, loaded, imported, pushed and removed.
import { archiveOf } from './archive-of.js';
import type { Step } from './step.js';

const on = (operation: string, path: string, more: Partial<Step> = {}): Step => ({
  operation,
  path,
  ...more,
});
const ours = encodeURIComponent(JSON.stringify({ reference: { 'df-*': true } }));

export const imageSteps: readonly Step[] = [
  on('GET /images/json', `/images/json?filters=${ours}`),
  on('GET /images/json', '/images/json?all=1&digests=1', { about: 'all' }),
  on('GET /images/json', `/images/json?filters=${encodeURIComponent('{"nope":["x"]}')}`, {
    about: 'unknown filter',
  }),
  on('GET /images/json', `/images/json?filters=${encodeURIComponent('{"dangling":["x"]}')}`, {
    about: 'bad filter',
  }),
  on('GET /images/json', '/images/json?shared-size=1', { about: 'with what they share' }),
  on('GET /images/{name}/json', '/images/busybox/json'),
  on('GET /images/{name}/json', '/images/df-none/json', { about: 'missing' }),
  on('GET /images/{name}/json', '/images/DF%20none/json', { about: 'bad name' }),
  on('GET /images/{name}/attestations', '/images/busybox/attestations'),
  on('GET /images/{name}/json', `/images/${'a'.repeat(64)}/json`, { about: '64 digits' }),
  on('GET /images/{name}/history', '/images/busybox/history'),
  on('GET /images/{name}/history', '/images/df-none/history', { about: 'missing' }),
  on('POST /images/{name}/tag', '/images/busybox/tag?repo=df-tagged&tag=1'),
  on('POST /images/{name}/tag', '/images/busybox/tag?repo=DF&tag=1', { about: 'bad name' }),
  on('POST /images/{name}/tag', '/images/df-none/tag?repo=df-x&tag=1', { about: 'missing' }),
  on('GET /images/json', `/images/json?filters=${ours}`, { about: 'tagged' }),
  on('GET /images/{name}/get', '/images/df-tagged:1/get', {
    comparison: 'head',
    remember: { bytes: 'saved' },
  }),
  on('GET /images/{name}/get', '/images/df-none/get', { about: 'missing', comparison: 'head' }),
  on('GET /images/get', '/images/get?names=df-tagged:1&names=busybox', { comparison: 'head' }),
  on('GET /images/get', '/images/get', { about: 'no names', comparison: 'head' }),
  on('POST /images/{name}/push', '/images/127.0.0.1:1/df-none/push', {
    about: 'missing',
    headers: { 'X-Registry-Auth': 'e30=' },
  }),
  on('POST /images/{name}/tag', '/images/busybox/tag?repo=127.0.0.1:1/df&tag=1', { about: 'to push' }),
  on('POST /images/{name}/push', '/images/127.0.0.1:1/df/push?tag=1', {
    headers: { 'X-Registry-Auth': 'e30=' },
  }),
  on('DELETE /images/{name}', '/images/127.0.0.1:1/df:1', { about: 'pushed' }),
  on('DELETE /images/{name}', '/images/df-tagged:1', { about: 'a name of several' }),
  on('DELETE /images/{name}', '/images/df-none', { about: 'missing' }),
  on('POST /images/load', '/images/load', {
    body: { bytes: 'saved' },
    headers: { 'Content-Type': 'application/x-tar' },
  }),
  on('POST /images/load', '/images/load?quiet=1', {
    about: 'quiet',
    body: { bytes: 'saved' },
    headers: { 'Content-Type': 'application/x-tar' },
  }),
  on('POST /images/load', '/images/load', {
    about: 'no archive',
    body: 'this is no archive',
    headers: { 'Content-Type': 'application/x-tar' },
  }),
  on('DELETE /images/{name}', '/images/df-tagged:1', { about: 'loaded' }),
  on('DELETE /images/{name}', '/images/df-made:1', { about: 'the last name' }),
  on('POST /images/create', '/images/create?fromSrc=-&repo=df-imported&tag=1', {
    about: 'import',
    body: archiveOf({ file: 'x\n' }),
    headers: { 'Content-Type': 'application/x-tar' },
  }),
  on('POST /images/create', '/images/create?fromImage=127.0.0.1:1/x&tag=1', { about: 'pull, no registry' }),
  on('POST /images/create', '/images/create?fromImage=DF&tag=1', { about: 'pull, bad name' }),
  on('POST /images/create', `/images/create?fromImage=${'a'.repeat(64)}&tag=1`, { about: 'pull, 64 digits' }),
  on('POST /images/create', '/images/create', { about: 'nothing named' }),
  on('DELETE /images/{name}', '/images/df-imported:1', { about: 'imported' }),
  on('POST /images/prune', `/images/prune?filters=${encodeURIComponent('{"label":["df-none"]}')}`),
  on('POST /images/prune', `/images/prune?filters=${encodeURIComponent('{"nope":["x"]}')}`, {
    about: 'unknown filter',
  }),
];
