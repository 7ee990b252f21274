// Generated from schemas/node.json by `make generate`. Do not edit.

/**
 * What the user wants of this node. swarmctl never edits it.
 */
export interface NodeSpec {
  /**
   * Name of the Cluster this engine belongs to.
   */
  cluster: string;
  /**
   * manager: runs a manager (and the token service). worker: joined, so containers of users run here. A node may be both; one that is only manager is not joined.
   */
  roles: ('manager' | 'worker')[];
  /**
   * The Docker engine of this node, when it exists already.
   */
  engine?: {
    /**
     * Where the engine listens: tcp://host:port, usually port 2376 with TLS. The operator and the managers must reach it.
     */
    address: string;
    /**
     * TLS towards this engine. Without it, the certificates of spec.machine or of the cluster's tls.hostPath are used.
     */
    tls?: {
      /**
       * verify: TLS, the engine's certificate is checked. disabled: plain TCP, for trusted test networks only.
       */
      mode: 'verify' | 'disabled';
      /**
       * Absolute path, on the operator's machine, of the CA certificate (PEM) that signed the engine's certificate.
       */
      caFile?: string;
      /**
       * Absolute path of the client certificate (PEM) that the engine accepts.
       */
      certFile?: string;
      /**
       * Absolute path of the private key (PEM) of that certificate. The file is read, its content is never put into a manifest, status or log.
       */
      keyFile?: string;
      /**
       * Name to expect in the engine's certificate, when it is not the host of the address.
       */
      serverName?: string;
    };
  };
  /**
   * How swarmctl finds or makes the engine. Either engine or machine is needed; engine wins where both are given.
   */
  machine?: {
    /**
     * local: an engine in a network namespace of the operator's machine, made by swarmctl machine create.
     */
    driver: 'local';
    /**
     * Name of the machine. Default: the name of the Node.
     */
    name?: string;
  };
  /**
   * host:port under which managers reach the engine. Default: the host and port of the engine's address.
   */
  advertise?: string;
  /**
   * Labels for people and selectors. Labels for placement constraints belong to the engine (dockerd --label).
   */
  labels?: {
    [k: string]: string;
  };
  /**
   * true keeps new containers away from this node; what runs there stays.
   */
  unschedulable: boolean;
  /**
   * What happens when somebody else changes swarmctl's containers on this engine: Heal or Report. Without it, spec.driftPolicy of the Cluster counts.
   */
  driftPolicy?: 'Heal' | 'Report';
  /**
   * true stops swarmctl from changing anything on this engine; it keeps watching and reporting. Others of the cluster go on. swarmctl suspend does the same for a time, with a reason, and without a change of the manifest.
   */
  suspend: boolean;
  /**
   * How long a deleted Node waits for an engine that does not answer, in seconds. Then it goes without it; swarmctl's containers there are remembered and removed when the engine answers again.
   */
  deletionTimeoutSeconds: number;
}

/**
 * What swarmctl saw. Written by the operator only.
 */
export interface NodeStatus {
  /**
   * The generation of the spec this status speaks for.
   */
  observedGeneration?: number;
  /**
   * Conditions in the kstatus convention. Ready is always present; Reconciling and Stalled only while True.
   */
  conditions?: {
    /**
     * What the condition speaks of, for example Ready.
     */
    type: string;
    /**
     * Whether it holds.
     */
    status: 'True' | 'False' | 'Unknown';
    /**
     * Why, in one PascalCase word, for programs.
     */
    reason: string;
    /**
     * Why, in a sentence, for people.
     */
    message: string;
    /**
     * The generation of the spec this condition speaks for.
     */
    observedGeneration: number;
    /**
     * When the status last flipped (RFC 3339).
     */
    lastTransitionTime: string;
  }[];
  /**
   * host:port at which the engine was reached.
   */
  address?: string;
  /**
   * The roles, joined by commas, for the table.
   */
  roles?: string;
  /**
   * The engine, as it described itself.
   */
  engine?: {
    /**
     * ID of the engine.
     */
    id?: string;
    /**
     * Host name of the engine.
     */
    name?: string;
    /**
     * Version of the engine.
     */
    version?: string;
    /**
     * Newest API version of the engine.
     */
    apiVersion?: string;
    /**
     * Operating system type, for example linux.
     */
    os?: string;
    /**
     * Architecture, for example x86_64.
     */
    arch?: string;
    /**
     * Number of CPUs.
     */
    cpus?: number;
    /**
     * Memory in bytes.
     */
    memoryBytes?: number;
    /**
     * Memory for people, 1024-based.
     */
    memory?: string;
    /**
     * Hash of the spec.engine that it was found by. Absent for machines, and while another Node has the same engine.
     */
    specHash?: string;
  };
  /**
   * Another engine that answers at the address, and is not used until it is approved.
   */
  replacement?: {
    /**
     * ID of that engine.
     */
    id: string;
    /**
     * Host name of that engine.
     */
    name?: string;
  };
  /**
   * When the engine's server certificate expires (RFC 3339).
   */
  certificateExpiryTime?: string;
  /**
   * swarmctl's containers on this engine, sorted by role.
   *
   * Items: One container.
   */
  agents?: {
    /**
     * What it does.
     */
    role: 'discovery' | 'manage' | 'join';
    /**
     * ID of the container.
     */
    containerId: string;
    /**
     * Image it was made from.
     */
    image: string;
    /**
     * Hash of the desired container it was made from.
     */
    specHash: string;
    /**
     * State as the engine names it: running, exited, restarting …
     */
    state: string;
  }[];
  /**
   * What others changed about swarmctl's containers on this engine and is not put right, one entry per field.
   *
   * Items: One field.
   */
  drift?: {
    /**
     * Name of the container.
     */
    container: string;
    /**
     * Name of the field, as in the table of owned fields.
     */
    field: string;
    /**
     * What swarmctl made it.
     */
    expected: string;
    /**
     * What it is.
     */
    found: string;
    /**
     * Hash of the desired container it was compared with.
     */
    specHash: string;
  }[];
  /**
   * What swarmctl did on this engine, newest first; the last 10.
   *
   * Items: One action.
   */
  lastActions?: {
    /**
     * When it ended.
     */
    time: string;
    /**
     * The line that swarmctl plan prints for it, with its reason.
     */
    action: string;
    /**
     * done, or why it failed.
     */
    result: string;
    /**
     * How long it took.
     */
    milliseconds: number;
  }[];
}
