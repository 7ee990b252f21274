// The JSON a simulated engine describes itself and its containers with: dockerd's fields, in dockerd's usual sizes.
import { formatDockerDuration } from '../base/duration.js';
import { isJsonObject, objectAt, stringAt } from '../base/json.js';
import type {
  SimulatedContainer,
  SimulatedEngineState,
  SimulatedImage,
  SimulatedNetwork,
} from './engine-state.js';
import { defaultHostConfig, graphDriverOf } from './host-config.js';

/** Every image's. */
export const imageEnvironment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];

export function summary(engine: SimulatedEngineState, one: SimulatedContainer): Record<string, unknown> {
  const { HostConfig = {} } = one.body;
  const mode = HostConfig['NetworkMode'] ?? 'default';
  return {
    Id: one.Id,
    Names: [`/${one.name}`],
    Image: one.body['Image'],
    ImageID: imageIdOf(engine, one),
    Command: commandOf(one),
    Created: Math.floor(one.createdMs / 1000),
    Ports: portsOf(one),
    Labels: one.body['Labels'] ?? {},
    State: one.status,
    Status: statusOf(one, engine.options.clock.now()),
    HostConfig: { NetworkMode: mode },
    NetworkSettings: { Networks: { [networkOf(one)]: endpointOf(engine, one) } },
    Mounts: mountsOf(one),
  };
}

export function inspect(engine: SimulatedEngineState, one: SimulatedContainer): Record<string, unknown> {
  const endpoint = endpointOf(engine, one);
  const root = `/var/lib/docker/containers/${one.Id}`;
  const isRunning = one.status === 'running' || one.status === 'paused';
  const words = commandOf(one).split(' ');
  return {
    Id: one.Id,
    Created: new Date(one.createdMs).toISOString(),
    Path: words[0],
    Args: words.slice(1),
    State: {
      Status: one.status,
      Running: isRunning,
      Paused: one.status === 'paused',
      Restarting: false,
      OOMKilled: false,
      Dead: false,
      Pid: isRunning ? 4242 : 0,
      ExitCode: one.exitCode,
      Error: '',
      StartedAt: one.startedMs === 0 ? '0001-01-01T00:00:00Z' : new Date(one.startedMs).toISOString(),
      FinishedAt: '0001-01-01T00:00:00Z',
    },
    Image: imageIdOf(engine, one),
    ResolvConfPath: `${root}/resolv.conf`,
    HostnamePath: `${root}/hostname`,
    HostsPath: `${root}/hosts`,
    LogPath: `${root}/${one.Id}-json.log`,
    Name: `/${one.name}`,
    RestartCount: 0,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: 'docker-default',
    ExecIDs: null,
    HostConfig: { ...defaultHostConfig, ...one.body.HostConfig },
    GraphDriver: graphDriverOf(one.Id),
    Mounts: mountsOf(one),
    Config: {
      Hostname: one.Id.slice(0, 12),
      Domainname: '',
      User: '',
      AttachStdin: false,
      AttachStdout: false,
      AttachStderr: false,
      Tty: false,
      OpenStdin: false,
      StdinOnce: false,
      Env: imageEnvironment,
      Cmd: null,
      Volumes: null,
      WorkingDir: '',
      Entrypoint: null,
      OnBuild: null,
      ...one.body,
      HostConfig: undefined,
      NetworkingConfig: undefined,
      Labels: one.body['Labels'] ?? {},
    },
    NetworkSettings: {
      Bridge: '',
      SandboxID: isRunning ? one.Id : '',
      SandboxKey: isRunning ? `/var/run/docker/netns/${one.Id.slice(0, 12)}` : '',
      Ports: boundPorts(one),
      HairpinMode: false,
      LinkLocalIPv6Address: '',
      LinkLocalIPv6PrefixLen: 0,
      SecondaryIPAddresses: null,
      SecondaryIPv6Addresses: null,
      EndpointID: endpoint['EndpointID'],
      Gateway: endpoint['Gateway'],
      GlobalIPv6Address: '',
      GlobalIPv6PrefixLen: 0,
      IPAddress: endpoint['IPAddress'],
      IPPrefixLen: endpoint['IPPrefixLen'],
      IPv6Gateway: '',
      MacAddress: endpoint['MacAddress'],
      Networks: { [networkOf(one)]: endpoint },
    },
  };
}

export function imageEntry([reference, image]: readonly [string, SimulatedImage]): Record<string, unknown> {
  return {
    Id: image.id,
    ParentId: '',
    RepoTags: [reference],
    RepoDigests: [],
    Created: Math.floor(image.createdMs / 1000),
    Size: 4_261_550,
    SharedSize: -1,
    Labels: null,
    Containers: -1,
  };
}

export function networkEntry(one: SimulatedNetwork): Record<string, unknown> {
  const builtIn: Readonly<Record<string, string>> = { none: 'null', host: 'host', bridge: 'bridge' };
  return {
    Name: one.Name,
    Id: one.Id,
    Created: '2026-01-01T00:00:00Z',
    Scope: 'local',
    Driver: one.Driver ?? builtIn[one.Name] ?? 'bridge',
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' }] },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: {},
    Options: {},
    Labels: one.Labels ?? {},
  };
}

export function infoOf(engine: SimulatedEngineState): Record<string, unknown> {
  const { labels = [], cpus = 2, memoryBytes = 2 ** 31, version = '28.2.2', clock } = engine.options;
  const userns = engine.options.remapsUsers === true ? ['name=userns'] : [];
  const all = [...engine.containers.values()];
  const count = (status: SimulatedContainer['status']): number =>
    all.filter((one) => one.status === status).length;
  return {
    ID: engine.id,
    Name: engine.name,
    Containers: all.length,
    ContainersRunning: count('running'),
    ContainersPaused: count('paused'),
    ContainersStopped: count('exited') + count('created'),
    Images: engine.images.size,
    Driver: 'overlay2',
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'ipvlan', 'macvlan', 'null', 'overlay'],
      Authorization: null,
      Log: ['awslogs', 'fluentd', 'gelf', 'journald', 'json-file', 'local', 'splunk', 'syslog'],
    },
    MemoryLimit: true,
    SwapLimit: true,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    IPv4Forwarding: true,
    SystemTime: new Date(clock.now()).toISOString(),
    LoggingDriver: 'json-file',
    CgroupDriver: 'systemd',
    CgroupVersion: '2',
    KernelVersion: '6.1.0',
    OperatingSystem: 'Simulated GNU/Linux',
    OSType: 'linux',
    Architecture: 'x86_64',
    NCPU: cpus,
    MemTotal: memoryBytes,
    DockerRootDir: '/var/lib/docker',
    Runtimes: { runc: { path: 'runc' } },
    DefaultRuntime: 'runc',
    Swarm: { NodeID: '', NodeAddr: '', LocalNodeState: 'inactive', ControlAvailable: false, Error: '' },
    LiveRestoreEnabled: false,
    SecurityOptions: ['name=apparmor', 'name=seccomp,profile=builtin', 'name=cgroupns', ...userns],
    ServerVersion: version,
    Labels: labels,
    Warnings: null,
  };
}

export function versionOf(engine: SimulatedEngineState): Record<string, unknown> {
  const { version = '28.2.2', apiVersion = '1.51', minApiVersion = '1.24' } = engine.options;
  return {
    Platform: { Name: 'Docker Engine - Simulated' },
    Components: [
      { Name: 'Engine', Version: version, Details: { ApiVersion: apiVersion, MinAPIVersion: minApiVersion } },
    ],
    Version: version,
    ApiVersion: apiVersion,
    MinAPIVersion: minApiVersion,
    GitCommit: '45873be',
    GoVersion: 'go1.24.3',
    Os: 'linux',
    Arch: 'amd64',
    KernelVersion: '6.1.0',
    BuildTime: '2026-01-01T00:00:00.000000000+00:00',
  };
}

function statusOf(one: SimulatedContainer, nowMs: number): string {
  if (one.status === 'created') return 'Created';
  const age = formatDockerDuration(Math.max(0, nowMs - one.startedMs));
  if (one.status === 'exited') return `Exited (${one.exitCode}) ${age} ago`;
  return `Up ${age}${one.status === 'paused' ? ' (Paused)' : ''}`;
}

function commandOf(one: SimulatedContainer): string {
  const words: unknown = one.body['Cmd'] ?? one.body['Entrypoint'];
  return Array.isArray(words) ? words.join(' ') : 'sh';
}

function imageIdOf(engine: SimulatedEngineState, one: SimulatedContainer): string {
  const wanted = stringAt(one.body, 'Image') ?? '';
  const image = engine.images.get(wanted) ?? engine.images.get(`${wanted}:latest`);
  return image?.id ?? [...engine.images.values()][0]?.id ?? '';
}

/** Published ports of a container that runs, from its HostConfig. */
function boundPorts(one: SimulatedContainer): Record<string, unknown> {
  return one.status === 'running' ? objectAt(one.body.HostConfig, 'PortBindings') : {};
}

function portsOf(one: SimulatedContainer): unknown[] {
  return Object.entries(boundPorts(one)).flatMap(([port, bindings]) => {
    const [number = '', type = 'tcp'] = port.split('/');
    const hosts: readonly unknown[] = Array.isArray(bindings) ? bindings : [];
    return hosts.filter(isJsonObject).flatMap((binding) =>
      ['0.0.0.0', '::'].map((any) => ({
        IP: typeof binding['HostIp'] === 'string' && binding['HostIp'] !== '' ? binding['HostIp'] : any,
        PrivatePort: Number(number),
        PublicPort: Number(binding['HostPort']),
        Type: type,
      })),
    );
  });
}

function mountsOf(one: SimulatedContainer): unknown[] {
  const binds: unknown = one.body.HostConfig?.['Binds'];
  if (!Array.isArray(binds)) return [];
  return binds.map((bind) => {
    const [Source = '', Destination = '', mode = 'rw'] = String(bind).split(':');
    const isNamed = !Source.startsWith('/');
    return {
      Type: isNamed ? 'volume' : 'bind',
      ...(isNamed ? { Name: Source, Driver: 'local' } : {}),
      Source: isNamed ? `/var/lib/docker/volumes/${Source}/_data` : Source,
      Destination,
      Mode: mode,
      RW: mode !== 'ro',
      Propagation: isNamed ? '' : 'rprivate',
    };
  });
}

/** The one network a container is made with. */
function networkOf({ body }: SimulatedContainer): string {
  const mode = stringAt(body.HostConfig, 'NetworkMode') ?? 'default';
  return mode === 'default' ? 'bridge' : mode;
}

function endpointOf(engine: SimulatedEngineState, one: SimulatedContainer): Record<string, unknown> {
  // Two bytes of the ID make an address that stays.
  const [third, fourth] = [one.Id.slice(0, 2), one.Id.slice(2, 4)];
  const isRunning = one.status === 'running' || one.status === 'paused';
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    MacAddress: isRunning ? `02:42:ac:11:${third}:${fourth}` : '',
    DriverOpts: null,
    GwPriority: 0,
    NetworkID: engine.networks.get('bridge')?.Id ?? '',
    EndpointID: isRunning ? one.Id : '',
    Gateway: isRunning ? '172.17.0.1' : '',
    IPAddress: isRunning ? `172.17.${parseInt(third, 16)}.${parseInt(fourth, 16)}` : '',
    IPPrefixLen: isRunning ? 16 : 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  };
}
