// Byte counts in the spellings of docker and of classic swarm.

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/**
 * 1024-based size with four significant digits.
 * @param separator between number and unit: `' '` as `docker info` of a classic swarm printed it ("2.1 GiB"),
 *   `''` as `docker info` prints it today ("2.1GiB")
 */
export function formatBytes(bytes: number, separator = ''): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${String(Number(value.toPrecision(4)))}${separator}${units[unit] ?? 'B'}`;
}
