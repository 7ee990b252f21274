// Manifests as users write them, before any default: valid ones, in which a test breaks one thing.

export const apiVersion = 'swarmctl.io/v1alpha1';

export function aClusterManifest(spec: object = {}, metadata: object = {}): Record<string, unknown> {
  return { apiVersion, kind: 'Cluster', metadata: { name: 'demo', ...metadata }, spec };
}

export function aNodeManifest(spec: object = {}, metadata: object = {}): Record<string, unknown> {
  const engine = { address: 'tcp://10.0.0.5:2376' };
  return {
    apiVersion,
    kind: 'Node',
    metadata: { name: 'n1', ...metadata },
    spec: { cluster: 'demo', engine, ...spec },
  };
}

/** A Node as the text of a file. */
export function nodeManifest(name: string, cluster = 'demo'): string {
  const engine = '  engine:\n    address: tcp://10.0.0.1:2376\n';
  return `apiVersion: ${apiVersion}\nkind: Node\nmetadata:\n  name: ${name}\nspec:\n  cluster: ${cluster}\n${engine}`;
}

/** A Cluster as the text of a file. */
export function clusterManifest(name: string): string {
  return `apiVersion: ${apiVersion}\nkind: Cluster\nmetadata:\n  name: ${name}\n`;
}
