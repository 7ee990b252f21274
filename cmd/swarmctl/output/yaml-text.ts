// An object as YAML. A module of its own, because `yaml` is worth loading only when something is printed with it.
import { stringify } from 'yaml';

export function yamlText(value: unknown): string {
  // Words that YAML 1.1 reads as booleans are quoted, so that every other tool reads the same.
  return stringify(value, { compat: 'yaml-1.1', lineWidth: 0, aliasDuplicateObjects: false });
}
