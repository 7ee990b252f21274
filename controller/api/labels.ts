// Labels and annotations swarmctl writes; nothing is touched that does not carry our installation label.

export const apiGroup = 'swarmctl.io';
export const apiVersion = 'swarmctl.io/v1alpha1';

/** Labels on containers the operator makes. */
export const containerLabels = {
  installation: 'io.swarmctl.installation',
  cluster: 'io.swarmctl.cluster',
  node: 'io.swarmctl.node',
  role: 'io.swarmctl.role',
  specHash: 'io.swarmctl.spec-hash',
  /** Hash of the files copied into the container that a signal cannot reload. */
  filesHash: 'io.swarmctl.files-hash',
} as const;

/** Finalizer that removes a deleted object's containers before the object goes. */
export const agentsFinalizer = 'swarmctl.io/agents';

export const annotations = {
  /** `enabled` (default) or `disabled`: whether removal from the directory may delete the object. */
  prune: 'swarmctl.io/prune',
  /** `true` confirms a deletion that the mass-deletion guard held back. */
  deletionApproved: 'swarmctl.io/deletion-approved',
  /** Why the object is kept though its manifest is gone, until somebody approves. Shown by the operator, read-only for users. */
  deletionHeld: 'swarmctl.io/deletion-held',
  /** `true`: whoever writes it, the API or a manifest file, owns the object from then on. */
  takeOver: 'swarmctl.io/take-over',
  /** Why what a file says about the object is not used. Set by the operator, read-only for users. */
  manifestProblem: 'swarmctl.io/manifest-problem',
  /** The object is left alone; the value is the reason. */
  suspended: 'swarmctl.io/suspended',
  suspendedBy: 'swarmctl.io/suspended-by',
  /** RFC 3339. */
  suspendedAt: 'swarmctl.io/suspended-at',
  /** RFC 3339; without it the suspension ends when somebody ends it. */
  suspendedUntil: 'swarmctl.io/suspended-until',
  /** `true` asks for new keys and tokens of a Cluster whose own are lost. The operator takes it away again. */
  repair: 'swarmctl.io/repair',
  /** On a Node: the ID of another engine at its address that may take the place of the one before. */
  acceptEngine: 'swarmctl.io/accept-engine',
  /** Any new value asks for a reconcile now. */
  reconcileRequest: 'swarmctl.io/reconcile-request',
  /** Where the object came from: `file:line:column`. Set by the operator, read-only for users. */
  source: 'swarmctl.io/source',
  /** The commit in force that the object comes from. Shown by the operator, not kept with the object. */
  commit: 'swarmctl.io/commit',
  commitAuthor: 'swarmctl.io/commit-author',
  /** RFC 3339. */
  commitTime: 'swarmctl.io/commit-time',
  /** The newest commit of the branch and why it is not in force. */
  commitRefused: 'swarmctl.io/commit-refused',
} as const;
