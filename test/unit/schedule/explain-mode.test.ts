// Who decides whether a create explains itself.
import t from 'tap';
import { takeExplainMode } from '../../../controller/schedule/explain-mode.js';

t.test(
  'takeExplainMode() reads the environment before the label, and takes only its own words',
  async (t) => {
    const label = { Labels: { 'io.swarmctl.explain': 'never' } };
    const rows: readonly [Record<string, unknown>, string | undefined, unknown][] = [
      [{}, undefined, undefined],
      [{ Env: ['A=1'] }, undefined, ['A=1']],
      [{ Env: ['A=1', 'explain:always'] }, 'always', ['A=1']],
      [{ Env: ['explain:always', 'explain:unmet'] }, 'unmet', []],
      [{ Env: ['explain:'], ...label }, 'never', ['explain:']],
      [{ Env: ['explain:never=1'] }, undefined, ['explain:never=1']],
      [{ Env: ['explain:always'], ...label }, 'always', []],
      [{ Env: null, Labels: { 'io.swarmctl.explain': 'loudly' } }, undefined, null],
    ];
    for (const [body, mode, env] of rows) {
      const taken = takeExplainMode(body);
      t.same([taken.mode, taken.body['Env']], [mode, env], JSON.stringify(body));
    }
  },
);
