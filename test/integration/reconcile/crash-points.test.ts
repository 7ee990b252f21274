// A whole operator, killed at every instant of a scripted life in which something changed, on engines in memory: the next
// one always comes to the same end. Nothing is duplicated, orphaned or lost, and nothing that was acknowledged is undone.
import t from 'tap';
import { CrashLab } from '../../support/crash/crash-points.js';
import { life } from '../../support/crash/life.js';

t.setTimeout(280_000);

/** Of so many kills one is followed by the whole rest of the life. */
const liveOnEvery = 50;
// Each restart is a whole operator, about 0.1 s of a core. CRASH_POINTS=all restarts every state.
const restartedEvery = process.env['CRASH_POINTS'] === 'all' ? 1 : 3;

const lab = await CrashLab.open(life);
t.teardown(() => lab.close());

t.test('createOperator() converges after a kill at any instant', { timeout: 270_000 }, async (t) => {
  const { remains, points, ends } = await lab.record();
  const total = points.writes + points.before + points.after + points.late;
  t.ok(total > 2000, 'the life has instants');
  const failures: string[] = [];
  const restarted = remains.filter((_one, index) => index % restartedEvery === 0);
  for (const [index, one] of restarted.entries()) {
    const problem = await lab.restart(one, { ends, toTheEnd: index % liveOnEvery === 0 });
    if (problem !== undefined) failures.push(`${one.where}:\n${problem}`);
    if (failures.length === 5) break;
  }
  t.same(failures, []);
  t.comment(
    `${total} crash points in ${life.length} steps: after ${points.writes} writes, before and after ${points.before} calls ` +
      `to engines, with ${points.late} of them under way; they leave ${remains.length} different states, ${restarted.length} of which were restarted`,
  );
});
