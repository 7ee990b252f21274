// A program for tests: follows the directory of its argument where the kernel gives no more watches, and prints what it finds.
import process from 'node:process';
import { systemClock } from '../../controller/base/clock.js';
import { silentLogger } from '../../controller/base/log.js';
import { DirectorySource } from '../../controller/source/directory-source.js';
import { Store } from '../../controller/store/store.js';
import { validator } from './watched-directories.js';

const store = await Store.open({
  directory: undefined,
  clock: systemClock,
  randomUuid: () => crypto.randomUUID(),
});
const say = (word: string) => (message: string) => process.stdout.write(`${word} ${message}\n`);
const source = new DirectorySource({
  directory: process.argv[2] ?? '.',
  ...{ store, validator, clock: systemClock, random: () => 0.5, resyncMs: 200 },
  logger: { ...silentLogger, warn: say('warn') },
});
await source.start(new AbortController().signal);
store.subscribe(({ object }) => say('saw')(object.metadata.name));
say('nodes')(
  store
    .list('Node')
    .map(({ metadata }) => metadata.name)
    .join(),
);
process.stdin.on('end', () => void source.close()).resume();
