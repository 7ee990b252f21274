// Lets `node --import ./cmd/register-ts-node.mjs FILE.ts` run TypeScript sources in development, without a type check.
import { register } from 'node:module';

register('ts-node/esm/transpile-only', import.meta.url);
