// Answers to "may I?": who gets through the socket's permissions or the client certificate may do everything.
import { isJsonObject, type JsonObject } from '../base/json.js';

const group = 'authorization.k8s.io';

/** The review of a POST to /apis/authorization.k8s.io/VERSION/RESOURCE; undefined when there is no such review. */
export function reviewAccess(version: string, resource: string, body: Buffer): JsonObject | undefined {
  const apiVersion = `${group}/${version}`;
  if (resource === 'selfsubjectaccessreviews') {
    return {
      kind: 'SelfSubjectAccessReview',
      apiVersion,
      metadata: {},
      spec: specOf(body),
      status: { allowed: true },
    };
  }
  if (resource === 'selfsubjectrulesreviews') {
    const status = {
      resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
      nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      incomplete: false,
    };
    return { kind: 'SelfSubjectRulesReview', apiVersion, metadata: {}, spec: specOf(body), status };
  }
  return undefined;
}

/** New clients send protobuf; the answer does not depend on the question. */
function specOf(body: Buffer): JsonObject {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isJsonObject(value) && isJsonObject(value['spec']) ? value['spec'] : {};
  } catch {
    return {};
  }
}
