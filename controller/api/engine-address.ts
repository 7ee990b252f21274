// Engine addresses: `host:port` as discovery and maps use it, `tcp://host:port` as manifests and DOCKER_HOST write it.

export interface HostPort {
  /** Name or literal IP, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Parses `host:port` or `[v6]:port`. @returns undefined when it is neither, or the port is not 1–65535 */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:/\s[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const host = match[1] ?? match[2] ?? '';
  const port = Number(match[3]);
  return port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Parses `tcp://host:port`. @returns undefined for any other form */
export function parseTcpAddress(text: string): HostPort | undefined {
  return text.startsWith('tcp://') ? parseHostPort(text.slice('tcp://'.length)) : undefined;
}
