// Generated from schemas/cluster.json by `make generate`. Do not edit.

/**
 * What the user wants the cluster to be. swarmctl never edits it.
 */
export interface ClusterSpec {
  /**
   * Image of the discovery, manage and join containers. Default: the image built from this package, which swarmctl loads into engines that lack it, so no registry is needed.
   */
  image?: string;
  /**
   * How managers find the engines of the cluster.
   */
  discovery: {
    /**
     * token: the built-in token service, run as a container on every manager node. nodes: a fixed list made from the Node manifests, no join containers. file: a file on the manager nodes that you keep (endpoints[0] is its path).
     */
    backend: 'token' | 'file' | 'nodes';
    /**
     * For backend file, the path of the file. For backend token, host:port of token services that already exist; empty (default) runs one on every manager node.
     */
    endpoints: string[];
    /**
     * TCP port of the token service on the manager nodes.
     */
    port: number;
    /**
     * Seconds between two registrations of an engine, and between two reads by a manager. Lower values notice changes sooner and cost one small request per engine each time.
     */
    heartbeatSeconds: number;
    /**
     * Seconds after which an engine that no longer registers is dropped from the cluster. Must be greater than heartbeatSeconds; three times as much survives two lost heartbeats.
     */
    ttlSeconds: number;
  };
  /**
   * The manager: the process that serves one Docker API for all engines.
   */
  manager: {
    /**
     * TCP port on which managers serve the Docker API.
     */
    port: number;
    /**
     * Where a container goes among the engines that may run it. spread: the emptiest. binpack: the fullest that still has room. random: any.
     */
    strategy: 'spread' | 'binpack' | 'random';
    /**
     * Which rules may exclude an engine, in the order they are applied.
     */
    filters: (
      'health' | 'port' | 'containerslots' | 'dependency' | 'affinity' | 'constraint' | 'whitelist'
    )[];
    /**
     * Share of CPU and memory that may be reserved beyond what an engine has; 0.05 is 5 percent more. Negative values keep a reserve.
     */
    overcommit: number;
    /**
     * What --cpu-shares of a container means. weight: a relative weight that reserves nothing, as Docker documents it. classic: a number of CPUs to reserve, as classic swarm read it.
     */
    cpuShares: 'weight' | 'classic';
    /**
     * When creating a container answers with warnings about its placement, which the docker CLI prints. unmet: when a wish could not be met, or the image came from another engine. always: every time, with the scores. One container asks for itself with -e explain:always.
     */
    explain: 'never' | 'unmet' | 'always';
    /**
     * Which engines get an image that is pulled, loaded or imported. all: every engine. one: one engine; the others copy it from there when a container needs it. Or constraints joined by semicolons, as in storage==ssd;region!=eu. One request asks for itself with the header X-Swarm-Image-Placement.
     */
    imagePlacement: string;
    /**
     * How lists name containers. plain: the name, then node/name. node: node/name only, as classic swarm did; docker CLIs from 29.4 show nothing then. auto: node for docker CLIs up to 29.3, plain for all other clients.
     */
    containerNames: 'auto' | 'plain' | 'node';
    /**
     * Shortest time in seconds between two full re-reads of an engine. Events keep the view current in between; a re-read heals events that were lost.
     */
    engineRefreshMinSeconds: number;
    /**
     * Longest time in seconds between two full re-reads of an engine. Must not be less than engineRefreshMinSeconds.
     */
    engineRefreshMaxSeconds: number;
    /**
     * Failures in a row after which an engine counts as unhealthy.
     */
    engineFailureRetry: number;
    /**
     * More DNS names or IP addresses under which clients reach the managers, for example of a load balancer. They are added to the manager certificates.
     */
    extraHosts: string[];
  };
  /**
   * Certificates of the cluster.
   */
  tls: {
    /**
     * managed: swarmctl runs a certificate authority for the cluster. hostPath: ca.pem, cert.pem and key.pem in a directory of the operator's machine are used. disabled: plain TCP, for trusted test networks only.
     */
    mode: 'managed' | 'hostPath' | 'disabled';
    /**
     * Absolute directory with ca.pem, cert.pem and key.pem, such as the certs directory of docker-machine. Required with mode hostPath.
     */
    hostPath?: string;
    /**
     * Days that issued certificates are valid.
     */
    validityDays: number;
    /**
     * Certificates are renewed when fewer days than this are left. Must be less than validityDays.
     */
    renewBeforeDays: number;
  };
  /**
   * How changes are rolled out.
   */
  updateStrategy: {
    /**
     * How many join containers may be replaced at the same time. Managers are always replaced one at a time.
     */
    maxUnavailable: number;
  };
  /**
   * What happens to swarmctl's containers when the Cluster is deleted. Delete removes them from the engines; Orphan leaves them running. Containers of users are never touched.
   */
  deletionPolicy: 'Delete' | 'Orphan';
  /**
   * What happens when somebody else changes, stops, renames or removes one of swarmctl's containers. Heal puts it right at once; who undoes that again and again is reported, and slowed down for. Report leaves it as it is and says so in the condition Drifted. Changes of the spec are rolled out either way.
   */
  driftPolicy: 'Heal' | 'Report';
  /**
   * true stops swarmctl from changing anything in this cluster; it keeps watching and reporting. swarmctl suspend does the same for a time, with a reason, and without a change of the manifest.
   */
  suspend: boolean;
}

/**
 * What swarmctl saw. Written by the operator only.
 */
export interface ClusterStatus {
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
   * The value for DOCKER_HOST.
   */
  endpoint?: string;
  /**
   * Name of the token in the operator's state directory. The token itself is a secret and never shown.
   */
  tokenRef?: string;
  /**
   * Managers, sorted by node.
   *
   * Items: One manager.
   */
  managers?: {
    /**
     * Name of the Node.
     */
    node: string;
    /**
     * host:port on which it serves.
     */
    address: string;
    /**
     * Whether it schedules or forwards.
     */
    role: 'primary' | 'replica';
  }[];
  /**
   * Counts of the cluster's Nodes.
   */
  nodes?: {
    /**
     * Nodes that name this cluster.
     */
    total: number;
    /**
     * Nodes with the worker role.
     */
    workers: number;
    /**
     * Nodes whose Ready condition is True.
     */
    ready: number;
    /**
     * Workers that the manager lists as healthy.
     */
    joined: number;
  };
  /**
   * Nodes that were deleted while their engine did not answer. What they left there is removed when it does.
   *
   * Items: One such Node.
   */
  debts?: {
    /**
     * Name of the Node that was deleted.
     */
    node: string;
    /**
     * host:port of its engine, if known.
     */
    address?: string;
    /**
     * When it was deleted.
     */
    since: string;
  }[];
  /**
   * joined/workers, for the table.
   */
  summary?: string;
}
