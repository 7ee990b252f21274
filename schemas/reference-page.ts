// Renders docs/manifests.md from the schemas, so that the reference cannot say anything else than the program does.
import type { Crd, CrdSet } from '../controller/schema/crd.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../controller/base/json.js';

const introduction = `# Manifests

<!-- Generated from schemas/*.json by \`make generate\`. Do not edit. -->

A manifest is a YAML 1.2 or JSON file with one or more objects, separated by \`---\`. \`swarmctl run --directory DIR\` keeps a
directory of them in effect; \`swarmctl apply -f FILE|DIR\` applies them once. \`swarmctl explain node.spec.engine\` prints what this page says.

\`\`\`yaml
apiVersion: swarmctl.io/v1alpha1
kind: Cluster
metadata:
  name: prod
---
apiVersion: swarmctl.io/v1alpha1
kind: Node
metadata:
  name: node1
spec:
  cluster: prod
  roles: [manager, worker]
  engine:
    address: tcp://10.0.0.11:2376
    tls:
      caFile: /etc/swarmctl/ca.pem
      certFile: /etc/swarmctl/cert.pem
      keyFile: /etc/swarmctl/key.pem
\`\`\`
`;

const rules = `## Files

- \`*.yaml\`, \`*.yml\` and \`*.json\` are read, in subdirectories too; names that begin with \`.\`, \`_\` or \`#\`, \`node_modules\` and \`kustomization.yaml\` are not.
- Every problem is reported at once, as \`file:line:column: message\`. One problem means that nothing of its file is used; the objects of its last good version stay as they are.
- An object that is defined twice is a problem at both places.
- Unknown fields are problems at any depth. A field set to nothing counts as not set. \`status\` is ignored.
- Not accepted: \`%YAML 1.1\`, merge keys (\`<<\`), tags such as \`!Ref\`, numbers that are not exact (put hashes and long IDs in quotes), more than 50 aliases, files above 1 MiB, maps of more than 2000 keys,
  more than 64 levels, and plain words that YAML 1.1 reads in another way (\`yes\`, \`on\`, \`010\`, \`1_000\`, \`22:22\`): put them in quotes.
- Private keys and tokens do not belong in manifests and are refused. Name files instead.

## Removing objects

Removing an object from the files deletes it, together with its containers, after it has been missing for 30 seconds in a directory whose every file
can be read. A missing, unreadable or empty directory deletes nothing. Held back until they are approved:

- a Cluster, always;
- more than one object, or more than 30 %, of a kind at once;
- everything, when the directory holds no object any more, or is on another file system than before;
- an object whose manifest was in another directory than the one that is followed now.

\`swarmctl approve\` shows what is held back and why, and approves it; so does \`swarmctl delete KIND NAME\`, or the annotation
\`swarmctl.io/deletion-approved: "true"\`. Putting the manifest back ends the matter. \`swarmctl run --no-prune\` holds everything back.
A file that is suddenly empty counts as cut off: remove the file, or leave a comment in it.

| annotation | meaning |
|---|---|
| \`swarmctl.io/prune: disabled\` | the object stays when its manifest is removed |
| \`swarmctl.io/deletion-approved: "true"\` | the object may be deleted together with many others |
| \`swarmctl.io/deletion-held\` | why the object is kept although its manifest is gone; set by swarmctl |
| \`swarmctl.io/accept-engine\` | on a Node: the ID of [another engine](operator.md#replaced-engines) at its address that may be used; \`swarmctl approve\` writes it |
| \`swarmctl.io/reconcile-request\` | any new value asks for a reconcile now |
| \`swarmctl.io/source\` | where the object comes from, \`file:line:column\`; set by swarmctl |
| \`swarmctl.io/take-over: "true"\` | who writes it, the API or a file, owns the object from then on |
| \`swarmctl.io/manifest-problem\` | why what a file says now is not used; set by swarmctl, and shown as the condition \`ManifestRefused\` |

## Two writers

Spec and deletion of an object that comes from a file belong to the file: the API refuses to change them and names the place. Labels and annotations
that the file does not set can be changed through the API, and stay. Objects made through the API are kept in the state directory, and never changed
or deleted because of a directory: a manifest of the same kind and name is reported and not used. Taking over is explicit:

| from | to | how | then |
|---|---|---|---|
| the API | a file | \`swarmctl.io/take-over: "true"\` in the manifest, or \`swarmctl run --take-over\` for all | the object becomes what the file says, with the same uid and containers |
| a file | the API | \`swarmctl apply --take-over -f FILE\`, or the annotation through the API (\`kubectl annotate\`) | the manifest is reported and not used until it is removed |

A manifest that claims its object with the annotation keeps it: remove the annotation first. Is the directory gone for good, take its objects over
(\`swarmctl get nodes -o yaml | swarmctl apply --take-over -f -\`) and delete them.
`;

const rulesBetweenFields: Readonly<Record<string, readonly string[]>> = {
  Cluster: [
    '`spec.discovery.ttlSeconds` is greater than `spec.discovery.heartbeatSeconds`.',
    '`spec.manager.engineRefreshMaxSeconds` is not less than `spec.manager.engineRefreshMinSeconds`.',
    '`spec.tls.renewBeforeDays` is less than `spec.tls.validityDays`.',
    '`spec.tls.hostPath` is set with `spec.tls.mode: hostPath`, and only then.',
    '`spec.discovery.endpoints` holds one absolute path with backend `file`, nothing with `nodes`, and `host:port` entries with `token`.',
    '`spec.discovery.port` is not `spec.manager.port` where both run on the same nodes.',
  ],
  Node: [
    'One of `spec.engine` and `spec.machine` is set.',
    '`spec.engine.tls.certFile` and `spec.engine.tls.keyFile` are set together.',
  ],
};

export function renderReferencePage(crds: CrdSet): string {
  return `${[introduction, rules, ...crds.all().map(renderKind)].join('\n').trimEnd()}\n`;
}

function renderKind(crd: Crd): string {
  const parts = (['spec', 'status'] as const).map((part) => {
    const schema = objectAt(crd.schema['properties'], part);
    const rows = fieldRows(schema, part);
    return `### ${crd.kind} ${part}\n\n${stringAt(schema, 'description') ?? ''}\n\n${rows}\n`;
  });
  const names = [crd.plural, crd.singular, ...crd.shortNames].map((name) => `\`${name}\``).join(', ');
  const between = (rulesBetweenFields[crd.kind] ?? []).map((rule) => `- ${rule}`).join('\n');
  return [
    `## ${crd.kind}\n`,
    `${stringAt(crd.schema, 'description') ?? ''} Names on the command line: ${names}.\n`,
    parts[0] ?? '',
    `Between fields:\n\n${between}\n`,
    parts[1] ?? '',
  ].join('\n');
}

function fieldRows(schema: JsonObject, prefix: string): string {
  const head =
    prefix === 'spec'
      ? '| field | type | default | meaning |\n|---|---|---|---|'
      : '| field | type | meaning |\n|---|---|---|';
  const rows = fieldsOf(schema, prefix).map(({ path, field, isRequired }) => {
    const fallback =
      'default' in field && !isJsonObject(field['default']) ? `\`${JSON.stringify(field['default'])}\`` : '';
    const cells = [
      `\`${path}\``,
      typeOf(field),
      ...(prefix === 'spec' ? [isRequired ? 'required' : fallback] : []),
      `${stringAt(field, 'description') ?? ''}${limitsOf(field)}`,
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [head, ...rows].join('\n');
}

interface Field {
  readonly path: string;
  readonly field: JsonObject;
  readonly isRequired: boolean;
}

function fieldsOf(schema: JsonObject, prefix: string): readonly Field[] {
  const required: unknown = schema['required'];
  const properties = Object.entries(objectAt(schema, 'properties'));
  return properties.flatMap(([name, field]) => {
    if (!isJsonObject(field)) return [];
    const path = `${prefix}.${name}`;
    const isRequired = Array.isArray(required) && required.includes(name);
    return [
      { path, field, isRequired },
      ...fieldsOf(field, path),
      ...fieldsOf(objectAt(field, 'items'), `${path}[]`),
    ];
  });
}

function typeOf(field: JsonObject): string {
  const type = stringAt(field, 'type') ?? 'any';
  if (type === 'array') return `list of ${typeOf(objectAt(field, 'items'))}`;
  if (type !== 'object') return type;
  return isJsonObject(field['additionalProperties'])
    ? `map of ${typeOf(field['additionalProperties'])}`
    : 'object';
}

function limitsOf(field: JsonObject): string {
  const values = field['enum'] ?? objectAt(field, 'items')['enum'];
  const limits = [
    ...(Array.isArray(values) ? [`One of ${values.map((value) => `\`${String(value)}\``).join(', ')}.`] : []),
    ...(typeof field['minimum'] === 'number' ? [`At least ${field['minimum']}.`] : []),
    ...(typeof field['maximum'] === 'number' ? [`At most ${field['maximum']}.`] : []),
  ];
  return limits.length === 0 ? '' : ` ${limits.join(' ')}`;
}
