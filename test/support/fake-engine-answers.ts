// The JSON the fake engine describes itself and its containers with, in dockerd's fields.
import type { FakeContainer, FakeEngineState } from './fake-engine-state.js';

export function summary(engine: FakeEngineState, one: FakeContainer): Record<string, unknown> {
  return {
    Id: one.Id,
    Names: [`/${one.name}`],
    Image: one.body['Image'],
    ImageID: engine.images.get('busybox:latest')?.id ?? '',
    Command: 'sh',
    Created: Math.floor(one.createdMs / 1000),
    Ports: [],
    Labels: one.body['Labels'] ?? {},
    State: one.status,
    Status:
      one.status === 'running'
        ? 'Up 1 second'
        : one.status === 'created'
          ? 'Created'
          : 'Exited (0) 1 second ago',
    HostConfig: { NetworkMode: 'default' },
    NetworkSettings: { Networks: {} },
    Mounts: [],
  };
}

export function inspect(engine: FakeEngineState, one: FakeContainer): Record<string, unknown> {
  return {
    Id: one.Id,
    Name: `/${one.name}`,
    Created: new Date(one.createdMs).toISOString(),
    Image: engine.images.get('busybox:latest')?.id ?? '',
    State: {
      Status: one.status,
      Running: one.status === 'running',
      ExitCode: one.exitCode,
      Error: '',
      StartedAt: '0001-01-01T00:00:00Z',
    },
    RestartCount: 0,
    Config: { ...one.body, HostConfig: undefined, Labels: one.body['Labels'] ?? {} },
    HostConfig: { Memory: 0, NanoCpus: 0, CpuShares: 0, NetworkMode: 'default', ...one.body.HostConfig },
    NetworkSettings: { Networks: {} },
  };
}

export function imageEntry([reference, image]: [
  string,
  { readonly id: string; readonly createdMs: number },
]): Record<string, unknown> {
  return {
    Id: image.id,
    ParentId: '',
    RepoTags: [reference],
    RepoDigests: [],
    Created: Math.floor(image.createdMs / 1000),
    Size: 1,
    Labels: null,
    Containers: -1,
  };
}

export function infoOf(engine: FakeEngineState): Record<string, unknown> {
  const { labels = [], cpus = 2, memoryBytes = 2 ** 31, version = '28.2.2' } = engine.options;
  const all = [...engine.containers.values()];
  return {
    ID: engine.id,
    Name: engine.name,
    Containers: all.length,
    ContainersRunning: all.filter((one) => one.status === 'running').length,
    Images: engine.images.size,
    Driver: 'overlay2',
    KernelVersion: '6.1.0',
    OperatingSystem: 'Fake GNU/Linux',
    OSType: 'linux',
    Architecture: 'x86_64',
    NCPU: cpus,
    MemTotal: memoryBytes,
    ServerVersion: version,
    Labels: labels,
  };
}

export function versionOf(engine: FakeEngineState): Record<string, unknown> {
  const { version = '28.2.2', apiVersion = '1.51', minApiVersion = '1.24' } = engine.options;
  return {
    Version: version,
    ApiVersion: apiVersion,
    MinAPIVersion: minApiVersion,
    Os: 'linux',
    Arch: 'amd64',
  };
}
