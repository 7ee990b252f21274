// Label and field selectors in the grammar of Kubernetes.
import t from 'tap';
import {
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
} from '../../../controller/apiserver/selectors.js';

t.test('matchesLabels() follows the grammar of Kubernetes', async (t) => {
  const labels = { env: 'prod', zone: 'a', 'swarmctl.io/role': '' };
  const rows: readonly (readonly [selector: string, expected: boolean])[] = [
    ['', true],
    ['env=prod', true],
    ['env==prod', true],
    ['env = prod', true],
    ['env=test', false],
    ['env!=test', true],
    ['env!=prod', false],
    ['missing!=x', true],
    ['env in (test,prod)', true],
    ['env in (test)', false],
    ['missing in (a)', false],
    ['env notin (test, stage)', true],
    ['missing notin (a)', true],
    ['env notin (prod)', false],
    ['env', true],
    ['missing', false],
    ['!missing', true],
    ['!env', false],
    ['env=prod,zone=a', true],
    ['env=prod,zone=b', false],
    ['env in (prod,test),zone!=b,!missing', true],
    ['swarmctl.io/role=', true],
    ['swarmctl.io/role', true],
    ['constructor', false],
  ];
  for (const [selector, expected] of rows) {
    t.equal(matchesLabels(parseLabelSelector(selector), labels), expected, selector);
  }
  t.equal(matchesLabels(parseLabelSelector('a!=b'), undefined), true, 'no labels at all');
});

t.test('parseLabelSelector() refuses what is not in the grammar', async (t) => {
  for (const text of [
    'a b',
    'in (x)',
    '=x',
    'a=b=c',
    'a in x',
    'a,,b',
    'a in (b',
    '-a',
    `${'x'.repeat(64)}=y`,
    'a=b c',
  ]) {
    t.match(
      failureOf(() => parseLabelSelector(text)),
      { reason: 'BadRequest' },
      text,
    );
  }
});

t.test('matchesFields() compares supported fields; absent ones count as empty', async (t) => {
  const event = { metadata: { name: 'e1' }, involvedObject: { name: 'node1', kind: 'Node' } };
  const supported = [
    'metadata.name',
    'involvedObject.name',
    'involvedObject.namespace',
    'involvedObject.kind',
  ];
  const matches = (text: string): boolean => matchesFields(parseFieldSelector(text, supported), event);
  t.equal(matches('involvedObject.name=node1,involvedObject.kind=Node'), true);
  t.equal(matches('involvedObject.namespace='), true, 'what kubectl describe asks of cluster-scoped objects');
  t.equal(matches('involvedObject.name!=node1'), false);
  t.equal(matches('metadata.name==e2'), false);
  t.match(
    failureOf(() => matches('spec.cluster=demo')),
    {
      reason: 'BadRequest',
      message: /supported are metadata\.name/,
    },
  );
});

function failureOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
