// Plain scalars that YAML 1.1 reads as something else than YAML 1.2. Both are in use, kubectl's parser among those of 1.1, so
// the same file would say two things. https://yaml.org/type/bool.html https://yaml.org/type/int.html
import type { Scalar } from 'yaml';

const asText = 'put it in quotes if it is text';

const rows: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/^(yes|Yes|YES|on|On|ON)$/, `means true in YAML 1.1: write true, or ${asText}`],
  [/^(no|No|NO|off|Off|OFF)$/, `means false in YAML 1.1: write false, or ${asText}`],
  [/^[-+]?0[0-7]+$/, `is an octal number in YAML 1.1: write it without leading zeros, or ${asText}`],
  [/^0o[0-7]+$/, `is a number in YAML 1.2 and text in YAML 1.1: write it in decimal, or ${asText}`],
  [/^[-+]?[1-9][0-9]*(_+[0-9]+)+$/, `is a number in YAML 1.1: ${asText}`],
  [/^[-+]?[1-9][0-9]*(:[0-5]?[0-9])+$/, `is a number to the base of 60 in YAML 1.1: ${asText}`],
];

/** What to say of a plain scalar that means something else in YAML 1.1; undefined when both agree, or it is quoted. */
export function findMeaningOfYaml11({ type, source }: Scalar): string | undefined {
  if (type !== 'PLAIN' || source === undefined || source.length > 64) return undefined;
  return rows.find(([pattern]) => pattern.test(source))?.[1];
}
