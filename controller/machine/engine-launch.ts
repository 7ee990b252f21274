// How one dockerd is started so that it believes to be alone on a machine: its arguments and the script that enters its
// control groups, network, host name and file system view. Pure text; starting it is start-engine.ts's.

export interface EnginePlan {
  readonly name: string;
  readonly dockerd: string;
  readonly address: string;
  readonly port: number;
  readonly dataDirectory: string;
  /** Unix socket for this host; absent when the path is too long for one. */
  readonly socket?: string;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly labels: Readonly<Record<string, string>>;
  readonly storageDriver: string;
  /** `bridge`: containers have networks and published ports; `none`: this host cannot filter packets. */
  readonly containerNetwork: 'bridge' | 'none';
  readonly mtu: number;
  readonly cgroupParent: string;
  /** Arguments of the user, last, so that they can add to ours. */
  readonly extraArguments: readonly string[];
}

/** Arguments of dockerd. Everything that lives only while it runs is in its own /run, where dockerd puts it by default. */
export function engineArguments(plan: EnginePlan): readonly string[] {
  return [
    '--host',
    `tcp://${plan.address}:${plan.port}`,
    '--host',
    'unix:///run/docker.sock',
    ...(plan.socket === undefined ? [] : ['--host', `unix://${plan.socket}`]),
    '--tlsverify',
    '--tlscacert',
    plan.tls.ca,
    '--tlscert',
    plan.tls.cert,
    '--tlskey',
    plan.tls.key,
    '--data-root',
    plan.dataDirectory,
    '--storage-driver',
    plan.storageDriver,
    // systemd, where it runs, manages the host's groups, not the ones we made.
    '--exec-opt',
    'native.cgroupdriver=cgroupfs',
    '--cgroup-parent',
    plan.cgroupParent,
    ...(plan.mtu === 1500 ? [] : ['--mtu', String(plan.mtu)]),
    ...(plan.containerNetwork === 'bridge'
      ? []
      : ['--bridge', 'none', '--iptables=false', '--ip6tables=false']),
    ...Object.entries(plan.labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
    ...plan.extraArguments,
  ];
}

/** Longest path of a unix socket: 108 bytes with the closing zero. */
export const maxSocketPath = 107;

/** Directories that are mounted over inside the engine's view; they must exist on the host. */
export const mountTargets = { etc: '/etc/docker', opt: '/opt/containerd' } as const;

// First stage, on the host: $1 namespace, $2 second stage, then control groups up to `--`, then the second stage's.
// `ip netns exec` would not do: it mounts a fresh /sys, which hides the control groups from dockerd.
const enter = `
netns=$1; stage=$2; shift 2
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done
shift
umask 022
ulimit -n "$(ulimit -H -n)" 2>/dev/null || :
exec nsenter --net="$netns" -- unshare --mount --uts --propagation slave -- sh -e -c "$stage" engine "$@"
`;

// Second stage, inside: $1 host name, $2 private /etc/docker (engines that share it share one engine ID), $3 private
// /opt/containerd, $4 resolv.conf or nothing, then dockerd. The host's /run is hidden: sockets, pid files and locks there
// are the engine's own, and the namespaces mounted in it are not kept alive by this view.
const settle = `
printf %s "$1" > /proc/sys/kernel/hostname
mount --bind "$2" ${mountTargets.etc}
mount --bind "$3" ${mountTargets.opt}
names=$4
shift 4
resolv=$(readlink -m /etc/resolv.conf)
umount -l /run/netns 2>/dev/null || :
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
mkdir -p /run/lock
mount --make-rshared /
if [ -n "$names" ]; then
  if [ ! -e "$resolv" ]; then case "$resolv" in /run/*) mkdir -p "\${resolv%/*}" && : > "$resolv" ;; esac; fi
  if [ -e "$resolv" ]; then mount --bind "$names" "$resolv"; fi
fi
exec "$@"
`;

/** The program and arguments that become the engine's process: no process of the chain stays behind. */
export function launchCommand(options: {
  readonly namespacePath: string;
  readonly cgroupDirectories: readonly string[];
  readonly hostName: string;
  readonly etcDirectory: string;
  readonly optDirectory: string;
  /** File to show as /etc/resolv.conf; absent: the host's. */
  readonly nameServersFile?: string | undefined;
  readonly command: readonly string[];
}): { readonly file: string; readonly args: readonly string[] } {
  return {
    file: 'sh',
    args: [
      '-e',
      '-c',
      enter,
      'enter',
      options.namespacePath,
      settle,
      ...options.cgroupDirectories,
      '--',
      options.hostName,
      options.etcDirectory,
      options.optDirectory,
      options.nameServersFile ?? '',
      ...options.command,
    ],
  };
}
