// Which platform a container asks for, and whether an engine runs it. Pure.

export interface Platform {
  /** `linux`; `''` = any. */
  readonly os: string;
  /** `amd64`, `arm64`, … as images call it; `''` = any. */
  readonly arch: string;
}

const systems: ReadonlySet<string> = new Set(['linux', 'windows', 'darwin', 'freebsd']);

/** Names that kernels and users give to what images call otherwise. */
const archOf: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  armhf: 'arm',
  armel: 'arm',
  armv6l: 'arm',
  armv7l: 'arm',
  armv8l: 'arm',
  i386: '386',
  i686: '386',
};

/** Processors that run programs of an older one of their family. */
const alsoRuns: Readonly<Record<string, string>> = { amd64: '386', arm64: 'arm' };

/** Engine label: further platforms that its host runs by emulation, separated by commas. */
export const platformsLabel = 'platforms';

/** `os`, `arch`, `os/arch` or `os/arch/variant`. @returns undefined for what has no such form: its engine says so */
export function parsePlatform(text: string): Platform | undefined {
  const parts = text.trim().toLowerCase().split('/');
  const [first = '', second = ''] = parts;
  if (parts.length > 3 || parts.includes('')) return undefined;
  if (parts.length > 1) return { os: first, arch: archOf[second] ?? second };
  return systems.has(first) ? { os: first, arch: '' } : { os: '', arch: archOf[first] ?? first };
}

/**
 * Whether an engine runs containers of a platform. Variants do not count: which of them a processor knows, no engine tells.
 * @param engine.platform `os/arch` of its host, by either name; a part is empty while it is not known
 */
export function runsPlatform(
  engine: { readonly platform: string; readonly labels: Readonly<Record<string, string>> },
  wanted: Platform,
): boolean {
  const declared = (engine.labels[platformsLabel] ?? '').split(',');
  return [engine.platform, ...declared].some((text) => {
    const own = parsePlatform(text);
    if (own === undefined) return /^\/|\/$/.test(text);
    const isArch = wanted.arch === '' || own.arch === wanted.arch || alsoRuns[own.arch] === wanted.arch;
    return isArch && (wanted.os === '' || own.os === '' || own.os === wanted.os);
  });
}
