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
