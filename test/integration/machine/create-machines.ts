// A process that creates machines, to be killed by a test. Arguments: store directory, set, subnet, names.
import { systemClock } from '../../../controller/base/clock.js';
import { LocalMachines } from '../../../controller/machine/machine-store.js';

const [directory = '', set = '', subnet = '', ...names] = process.argv.slice(2);
const machines = new LocalMachines({ directory, clock: systemClock, env: process.env });
await machines.create(names.map((name) => ({ name, set, subnet })));
process.stdout.write('created\n');
