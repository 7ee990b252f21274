// What YAML allows and manifests do not: everything that two parsers could read in two ways, or that takes
// forever to read. https://yaml.org/spec/1.2.2/
import { isAlias, isMap, isScalar, isSeq, type Document, type Node, type Scalar, type YAMLMap } from 'yaml';
import { findMeaningOfYaml11 } from './yaml-1.1.js';

export interface YamlProblem {
  /** Offset in the text. */
  readonly offset: number;
  readonly message: string;
}

// A map of 40,000 keys blocks the parser's own duplicate check for 40 s; ours is linear, and objects have a dozen keys.
const maxKeysPerMap = 2000;
const maxAliases = 50;
// Schemas nest a dozen levels.
const maxDepth = 64;
// A file of nothing but mistakes has as many problems as bytes; nobody reads more than the first hundred.
const maxProblems = 200;

// Explicit forms of what plain values are anyway. Others would give bytes, dates or sets.
const allowedTags = ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map(
  (name) => `tag:yaml.org,2002:${name}`,
);

/** Problems of one document that parsed without errors. */
export function checkYaml(document: Document): YamlProblem[] {
  const problems: YamlProblem[] = [];
  const directive = document.directives?.yaml;
  if (directive !== undefined && directive.version !== '1.2') {
    const message = `must be YAML 1.2, got %YAML ${directive.version}, in which yes and 010 mean something else`;
    problems.push({ offset: startOf(document), message });
  }
  const anchors = new Map<string, Node>();
  const ancestors = new Set<Node>();
  let aliases = 0;

  const visit = (node: unknown, depth: number): void => {
    if (problems.length > maxProblems) return;
    if (isAlias(node)) {
      aliases += 1;
      const target = anchors.get(node.source);
      if (target === undefined) {
        const message = `the alias *${node.source} has no anchor before it`;
        problems.push({ offset: offsetOf(node), message });
      } else if (ancestors.has(target)) {
        problems.push({
          offset: offsetOf(node),
          message: `the alias *${node.source} must not be inside its own anchor`,
        });
      }
      return;
    }
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return;
    if (node.anchor !== undefined) anchors.set(node.anchor, node);
    if (node.tag !== undefined && !allowedTags.includes(node.tag)) {
      problems.push({ offset: offsetOf(node), message: `the tag ${node.tag} must not be used` });
    }
    if (isScalar(node)) {
      const why = unusableNumber(node.value) ?? findMeaningOfYaml11(node);
      if (why !== undefined)
        problems.push({ offset: offsetOf(node), message: `${shownScalar(node)} ${why}` });
      return;
    }
    if (depth > maxDepth) {
      problems.push({ offset: offsetOf(node), message: `must not nest deeper than ${maxDepth} levels` });
      return;
    }
    ancestors.add(node);
    if (isMap(node)) {
      checkKeys(node, problems);
      for (const pair of node.items) visit(pair.value, depth + 1);
    } else {
      for (const item of node.items) visit(item, depth + 1);
    }
    ancestors.delete(node);
  };
  visit(document.contents, 1);
  if (aliases > maxAliases) {
    const message = `must not use more than ${maxAliases} aliases, got ${aliases}`;
    problems.push({ offset: startOf(document), message });
  }
  return problems;
}

export function startOf(document: Document): number {
  return document.range?.[0] ?? 0;
}

export function offsetOf(node: unknown): number {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? (node.range?.[0] ?? 0) : 0;
}

function checkKeys(map: YAMLMap, problems: YamlProblem[]): void {
  const seen = new Set<unknown>();
  for (const { key } of map.items) {
    if (problems.length > maxProblems) return;
    const name = isScalar(key) ? key.value : key;
    const offset = offsetOf(key);
    const why = isScalar(key) ? findMeaningOfYaml11(key) : undefined;
    if (name === '<<') {
      const message = 'merge keys (<<) must not be used: they are not part of YAML 1.2; write the fields out';
      problems.push({ offset, message });
    } else if (seen.has(name)) {
      problems.push({ offset, message: `the key ${JSON.stringify(name)} must not be used twice` });
    } else if (isScalar(key) && why !== undefined) {
      problems.push({ offset, message: `the key ${shownScalar(key)} ${why}` });
    }
    seen.add(name);
  }
  if (map.items.length > maxKeysPerMap) {
    const message = `a map must have at most ${maxKeysPerMap} keys, got ${map.items.length}`;
    problems.push({ offset: offsetOf(map), message });
  }
}

function shownScalar({ source, value }: Scalar): string {
  return source ?? String(value);
}

/** Numbers that would silently become others: a git hash such as 1234567e10, or an ID of 17 digits. */
function unusableNumber(value: unknown): string | undefined {
  if (typeof value !== 'number') return undefined;
  if (!Number.isFinite(value)) return 'must not be used as a number';
  return Number.isInteger(value) && !Number.isSafeInteger(value)
    ? 'is too large to be an exact number (put it in quotes if it is text)'
    : undefined;
}
