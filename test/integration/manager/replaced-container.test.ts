// Compose recreates a container by making the new one beside the old one, which still holds its ports and memory.
import t from 'tap';
import { startFakeManager } from '../../support/fake-manager.js';

const gibibyte = 1024 ** 3;
const project = { 'com.docker.compose.project': 'shop' };
const body = (labels: Readonly<Record<string, string>>): object => ({
  Image: 'busybox',
  Labels: { ...project, ...labels },
  HostConfig: { Memory: 3 * gibibyte, PortBindings: { '80/tcp': [{ HostPort: '80' }] } },
});

void t.test('a container is made beside the one that it replaces', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1', memoryBytes: 4 * gibibyte }] });
  const create = (name: string, labels: Readonly<Record<string, string>>): ReturnType<typeof manager.call> =>
    manager.call('POST', `/containers/create?name=${name}`, { body: body(labels) });
  const made = await create('shop-web-1', {});
  t.match(made, { status: 201 });
  const { Id: id } = made.json as { Id: string }; // the answer to a create
  t.match(await manager.call('POST', `/containers/${id}/start`), { status: 204 });
  const short = id.slice(0, 12);
  const replaced = (value: string): Record<string, string> => ({ 'com.docker.compose.replace': value });

  const refused = { status: 500, json: { message: /port 80|no resources available/ } };
  t.match(await create('shop-other-1', {}), refused, 'what replaces nothing needs a place of its own');
  t.match(await create('elsewhere', { ...replaced(id), ...{ 'com.docker.compose.project': 'x' } }), refused);
  t.match(await create(`${'f'.repeat(12)}_shop-web-1`, replaced('web-1')), refused);

  // As compose says it, and as it said it before 2.30.
  for (const [name, value] of [
    [`${short}_shop-web-1`, 'web-1'],
    ['shop-web-new', id],
  ] as const) {
    const next = await create(name, replaced(value));
    t.match(next, { status: 201 }, name);
    const { Id: nextId } = next.json as { Id: string }; // as above
    t.match(await manager.call('DELETE', `/containers/${nextId}`), { status: 204 });
  }
  t.match(await create('shop-other-1', {}), refused, 'others still see it');

  // Compose 1 has the old one out of the way first.
  t.match(await manager.call('POST', `/containers/${id}/rename?name=${short}_shop-web-1`), { status: 204 });
  t.match(await create('shop-other-1', {}), refused);
  t.match(await create('shop-web-1', {}), { status: 201 });
});
