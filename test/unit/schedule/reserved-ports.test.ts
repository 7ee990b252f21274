// Host ports survive as a label, and foreign text in that label is nothing.
import t from 'tap';
import { parsePlacement } from '../../../controller/schedule/placement-request.js';
import { formatReservedPorts, parseReservedPorts } from '../../../controller/schedule/reserved-ports.js';

const reservedBy = (body: Record<string, unknown>) => formatReservedPorts(parsePlacement(body).request);

t.test('formatReservedPorts() keeps fixed ports and what parseReservedPorts() reads is the same', (t) => {
  const label = reservedBy({
    Image: 'busybox',
    HostConfig: {
      PortBindings: {
        '80/tcp': [{ HostIp: '', HostPort: '8080' }],
        '53/udp': [{ HostIp: '10.0.0.1', HostPort: '53' }],
        '90/tcp': [{ HostIp: '', HostPort: '9000-9005' }],
        '99/tcp': [{ HostIp: '', HostPort: '' }],
      },
    },
  });
  t.same(parseReservedPorts(label), {
    ports: [
      { publicPort: 8080, privatePort: 80, protocol: 'tcp', ip: '' },
      { publicPort: 53, privatePort: 53, protocol: 'udp', ip: '10.0.0.1' },
    ],
  });
  t.end();
});

t.test('formatReservedPorts() keeps exposed ports in the network of the host only', (t) => {
  const exposed = { Image: 'busybox', ExposedPorts: { '80/tcp': {} } };
  t.same(parseReservedPorts(reservedBy({ ...exposed, HostConfig: { NetworkMode: 'host' } })), {
    ports: [],
    exposedPorts: ['80/tcp'],
  });
  t.equal(reservedBy(exposed), undefined);
  t.end();
});

t.test('parseReservedPorts() ignores what is not its own', (t) => {
  for (const text of [
    undefined,
    '',
    'x',
    '[]',
    '{"ports":{}}',
    '{"ports":[null,{"publicPort":"80"}],"exposed":[1]}',
  ]) {
    t.same(parseReservedPorts(text), { ports: [] }, text ?? 'absent');
  }
  t.end();
});
