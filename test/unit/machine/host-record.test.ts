// The record of this host: what is read back, and what a killed writer leaves.
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { readHostRecord, withHostRecord, type HostRecord } from '../../../controller/machine/host-record.js';

const emptied: HostRecord = { version: 1, sets: {}, madeDirectories: [] };
const changed: HostRecord = { ...emptied, forwardingBefore: '0' };

t.test(
  'withHostRecord() saves what the next reader gets, and clears what a killed writer left',
  async (t) => {
    const directory = t.testdir({ 'host.json.0123456789ab.tmp': '{' });
    await withHostRecord(directory, undefined, ({ save }) => save(changed));
    t.same(await readHostRecord(directory), changed);
    t.same((await readdir(directory)).sort(), ['host.json', 'lock']);
  },
);

t.test('withHostRecord() leaves no directory when the record is empty again', async (t) => {
  const directory = path.join(t.testdir({ run: {} }), 'run');
  await withHostRecord(directory, undefined, ({ save }) => save(changed));
  await writeFile(path.join(directory, 'host.json.0123456789ab.tmp'), '{');
  await withHostRecord(directory, undefined, ({ save }) => save(emptied));
  await t.rejects(readdir(directory), { code: 'ENOENT' });
});
