// What can happen in an interleaving, as data: drawn by fast-check, and written so that a counterexample reads as a story.
import fc from 'fast-check';
import {
  clusterNames,
  described,
  fileNames,
  isClusterName,
  variantOf,
  type Breakage,
  type ClusterName,
  type Described,
  type FileName,
  type RootState,
  type Variant,
} from './model-directory.js';
import type { EngineFault, Mischief } from './model-engine.js';
import { engineCount } from './model-world.js';

export type Edit =
  | {
      readonly do: 'put';
      readonly object: Described;
      readonly variant: Variant;
      readonly file: FileName;
      readonly isMoved: boolean;
    }
  | { readonly do: 'drop'; readonly object: Described }
  | { readonly do: 'move manager'; readonly from: Described; readonly to: Described }
  | { readonly do: 'revert' }
  | { readonly do: 'drop file'; readonly file: FileName }
  | { readonly do: 'break'; readonly file: FileName; readonly how: Breakage }
  | { readonly do: 'mend'; readonly file: FileName }
  | { readonly do: 'directory'; readonly state: RootState }
  | { readonly do: 'reset' };

/** Nodes that the API makes, too. */
export const nodes = ['n1', 'n2', 'n3', 'n4', 'n5'] as const;
export type NodeName = (typeof nodes)[number];
export type ObjectName = ClusterName | NodeName;

export type Step =
  | Edit
  | { readonly do: 'look'; readonly meanwhile?: Edit }
  | { readonly do: 'reconcile cluster'; readonly cluster: ClusterName }
  /** `hold`: of the calls of this run that change something, this one is held on its way. */
  | { readonly do: 'reconcile node'; readonly node: NodeName; readonly hold: number }
  | { readonly do: 'collect debts' }
  | { readonly do: 'deliver'; readonly engine: number }
  /** A look, and every loop once. */
  | { readonly do: 'round' }
  | { readonly do: 'wait'; readonly seconds: number }
  /** Perhaps as one whose manifests become the owners of what the API made. */
  | { readonly do: 'restart'; readonly takeOver?: boolean }
  | { readonly do: 'fault'; readonly engine: number; readonly fault: EngineFault }
  | { readonly do: 'lose containers'; readonly engine: number }
  | { readonly do: 'replace'; readonly engine: number }
  | { readonly do: 'disturb'; readonly engine: number; readonly role: string; readonly how: Mischief }
  | {
      readonly do: 'apply';
      readonly object: ObjectName;
      readonly at: number;
      readonly cluster?: ClusterName;
      /** The API is to own it from then on. */
      readonly takeOver?: boolean;
    }
  | { readonly do: 'delete'; readonly object: ObjectName }
  | { readonly do: 'approve'; readonly object: ObjectName }
  /** Without `seconds` until somebody ends it. */
  | { readonly do: 'suspend'; readonly object: ObjectName; readonly seconds?: number }
  | { readonly do: 'resume'; readonly object: ObjectName };

export function stepText(step: Step): string {
  switch (step.do) {
    case 'put': {
      const { at, isManager, cluster, isOther, keep, claims } = step.variant;
      const where = isClusterName(step.object) ? '' : ` of ${cluster} on engine ${at}`;
      const more = [
        isManager ? 'manager' : '',
        isOther ? 'changed' : '',
        keep ? 'never pruned' : '',
        claims ? 'taken over' : '',
      ];
      const words = more.filter((word) => word !== '').join(', ');
      return `${step.isMoved ? 'move' : 'write'} ${step.object}${where}${words === '' ? '' : ` (${words})`} ${step.isMoved ? 'to' : 'into'} ${step.file}`;
    }
    case 'drop':
      return `remove ${step.object} from its file`;
    case 'move manager':
      return `${step.to} becomes manager instead of ${step.from}`;
    case 'revert':
      return 'git revert';
    case 'drop file':
      return `remove ${step.file}`;
    case 'break':
      return `${step.file} becomes ${step.how}`;
    case 'mend':
      return `${step.file} is mended`;
    case 'directory':
      return `the directory is ${step.state}`;
    case 'reset':
      return 'git reset to the first commit';
    case 'look':
      return `look${step.meanwhile === undefined ? '' : `, and meanwhile ${stepText(step.meanwhile)}`}`;
    case 'reconcile cluster':
      return `reconcile ${step.cluster}`;
    case 'reconcile node':
      return `reconcile ${step.node}${step.hold === 0 ? '' : `, whose call ${step.hold} is held`}`;
    case 'deliver':
      return `a held call arrives at engine ${step.engine}`;
    case 'wait':
      return `${step.seconds} s pass`;
    case 'restart':
      return `the operator is killed and started${step.takeOver === true ? ' with --take-over' : ''}`;
    case 'fault':
      return `engine ${step.engine} is ${step.fault}`;
    case 'lose containers':
      return `engine ${step.engine} restarts without our containers`;
    case 'replace':
      return `another host has the address of engine ${step.engine}`;
    case 'disturb':
      return `somebody does "${step.how}" to ${step.role} on engine ${step.engine}`;
    case 'apply':
      return `swarmctl apply${step.takeOver === true ? ' --take-over' : ''} ${step.object} of ${step.cluster ?? 'demo'} on engine ${step.at}`;
    case 'suspend':
      return `swarmctl suspend ${step.object}${step.seconds === undefined ? '' : ` for ${step.seconds} s`}`;
    case 'delete':
    case 'approve':
    case 'resume':
      return `swarmctl ${step.do} ${step.object}`;
    default:
      return step.do;
  }
}

const engine = fc.integer({ min: 1, max: engineCount });
const file = fc.constantFrom(...fileNames);
const object = fc.constantFrom(...described);
const rarely = fc.integer({ min: 0, max: 7 }).map((drawn) => drawn === 7);

const put = fc
  .record({
    object,
    file,
    isMoved: fc.boolean().map((drawn) => !drawn),
    isAway: rarely,
    engine,
    isManager: rarely,
    isElsewhere: rarely,
    isOther: fc.boolean(),
    keep: rarely,
    claims: rarely,
  })
  .map(
    ({
      object: name,
      isAway,
      engine: away,
      isManager,
      isElsewhere,
      isOther,
      keep,
      claims,
      ...rest
    }): Edit => {
      const at = isAway || isClusterName(name) ? away : Number(name.slice(1));
      // One node of each cluster is a manager but for rare cases: without one there is little to see.
      const isHead = name === 'n1' || name === 'n4';
      const cluster = (name === 'n4') === isElsewhere ? 'demo' : 'beta';
      const variant = variantOf({ at, isManager: isHead !== isManager, cluster, isOther, keep, claims });
      return { do: 'put', object: name, variant, ...rest };
    },
  );

const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 6, arbitrary: put },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('drop' as const), object }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop file' as const), file }) },
  { weight: 1, arbitrary: fc.constant({ do: 'revert' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('move manager' as const),
      from: fc.constantFrom<Described[]>('n1', 'n1', 'n4', 'n2'),
      to: fc.constantFrom<Described[]>('n2', 'n3', 'n4'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('break' as const),
      file,
      how: fc.constantFrom<Breakage[]>('garbage', 'wrong field', 'cut off', 'unreadable'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('mend' as const), file }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('directory' as const),
      state: fc.constantFrom<RootState[]>('there', 'missing', 'unreadable', 'empty', 'elsewhere'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'reset' as const }) },
);

const node = fc.constantFrom(...nodes);
const anyObject = fc.constantFrom<ObjectName[]>(...clusterNames, ...nodes);

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: edit },
  { weight: 5, arbitrary: fc.constant({ do: 'look' as const }) },
  { weight: 1, arbitrary: edit.map((meanwhile) => ({ do: 'look' as const, meanwhile })) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('reconcile cluster' as const),
      cluster: fc.constantFrom(...clusterNames),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constant('reconcile node' as const),
      node,
      hold: fc.oneof(
        { weight: 2, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'collect debts' as const }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('deliver' as const), engine }) },
  { weight: 7, arbitrary: fc.constant({ do: 'round' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(1, 35, 400) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const), takeOver: rarely }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      engine,
      fault: fc.constantFrom<EngineFault[]>('up', 'up', 'down', 'hung', 'cut', 'slow'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose containers' as const), engine }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('replace' as const), engine }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('disturb' as const),
      engine,
      role: fc.constantFrom('discovery', 'manage', 'join', 'join'),
      how: fc.constantFrom<Mischief[]>('remove', 'stop', 'pause', 'rename', 'change', 'shrink'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('apply' as const),
      object: fc.constantFrom<ObjectName[]>('n5', 'n5', 'n5', 'n5', 'n2', 'n2', 'n4', 'demo', 'beta'),
      at: fc.constantFrom(5, 5, 5, 6, 2),
      cluster: fc.constantFrom<ClusterName[]>('demo', 'demo', 'beta'),
      takeOver: rarely,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('delete' as const),
      object: fc.constantFrom<ObjectName[]>('n5', 'n5', 'n3', 'n1', 'n4', 'demo', 'beta'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('approve' as const), object: anyObject }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('suspend' as const), object: anyObject }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('suspend' as const),
      object: anyObject,
      seconds: fc.constantFrom(20, 300),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('resume' as const), object: anyObject }) },
);
