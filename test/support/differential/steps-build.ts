// The classic builder, and the doors of BuildKit.
import { archiveOf } from './archive-of.js';
import type { Step } from './step.js';

const on = (operation: string, path: string, more: Partial<Step> = {}): Step => ({
  operation,
  path,
  ...more,
});
const tar = { 'Content-Type': 'application/x-tar' };

export const buildSteps: readonly Step[] = [
  on('POST /build', '/build?t=df-built:1&q=0', {
    body: archiveOf({ Dockerfile: 'FROM busybox\nLABEL built=yes\n' }),
    headers: tar,
  }),
  on('POST /build', '/build?t=df-built:1', {
    about: 'bad Dockerfile',
    body: archiveOf({ Dockerfile: 'NOPE\n' }),
    headers: tar,
  }),
  on('POST /build', '/build?t=df-built:1', {
    about: 'no Dockerfile',
    body: archiveOf({ x: 'x' }),
    headers: tar,
  }),
  on('POST /build', '/build?t=DF', { about: 'bad name', body: archiveOf({ x: 'x' }), headers: tar }),
  on('DELETE /images/{name}', '/images/df-built:1', { about: 'built' }),
  on('POST /build/prune', '/build/prune'),
  on('POST /build/cancel', '/build/cancel?id=df-none'),
  on('POST /build/cancel', '/build/cancel', { about: 'no build named' }),
  on('POST /session', '/session', { about: 'no upgrade' }),
  on('POST /grpc', '/grpc', { about: 'no upgrade' }),
];
