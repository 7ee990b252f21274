// List entries and inspections as clients get them.
import t from 'tap';
import { nameStyleFor, renderEntry, renderStatus } from '../../../controller/manager/render-container.js';
import { renderPorts } from '../../../controller/manager/render-ports.js';
import { patchInspect } from '../../../controller/manager/routes/inspect-container.js';
import { aContainer, anEngine } from './builders.js';

const engine = anEngine({ name: 'n1' });

void t.test('nameStyleFor() gives the classic names to the CLIs that print them', async (t) => {
  const rows: readonly [string, string][] = [
    ['Docker-Client/20.10.24+dfsg1 (linux)', 'node-only'],
    ['Docker-Client/28.2.2 (linux)', 'node-only'],
    ['Docker-Client/29.3.1 (linux)', 'node-only'],
    ['Docker-Client/29.4.0 (linux)', 'plain-first'],
    ['Docker-Client/30.0.0 (linux)', 'plain-first'],
    ['Docker-Client/unknown-version (linux)', 'plain-first'],
    ['compose/v2.26.1', 'plain-first'],
    ['docker-sdk-python/7.1.0', 'plain-first'],
    ['', 'plain-first'],
  ];
  for (const [agent, style] of rows) t.equal(nameStyleFor(agent, 'auto'), style, agent);
  t.equal(nameStyleFor('Docker-Client/28.2.2 (linux)', 'plain'), 'plain-first');
  t.equal(nameStyleFor('Docker-Client/30.0.0 (linux)', 'node'), 'node-only');
});

void t.test('renderEntry() keeps every byte that it does not know better', async (t) => {
  const container = aContainer({
    engine,
    name: 'web',
    summary: { Future: { a: [1] }, Umlaut: 'für', Id: 'ü' },
  });
  const text = (options: Partial<Parameters<typeof renderEntry>[1]> = {}): string =>
    Buffer.from(
      renderEntry(container, { nameStyle: 'plain-first', nowMs: 0, ...options }).text,
      'latin1',
    ).toString();
  t.match(JSON.parse(text()), {
    Id: 'ü',
    Future: { a: [1] },
    Umlaut: 'für',
    Names: ['/web', '/n1/web'],
    Status: 'Up 5 minutes',
  });
  t.same(JSON.parse(text({ nameStyle: 'node-only' })).Names, ['/n1/web']);
  t.same(JSON.parse(text({ more: { SizeRw: '9007199254740993' } })).SizeRw, 9007199254740992);
  t.match(text({ more: { SizeRw: '9007199254740993' } }), /"SizeRw":9007199254740993\}$/);
});

void t.test('renderEntry() tells until when its age reads like that', async (t) => {
  const rows: readonly [string, number, number][] = [
    ['Up 5 seconds', 0, 1_000],
    ['Up 5 seconds', 2_500, 3_000],
    ['Up 5 minutes', 90_000, 120_000],
    ['Up 3 hours', 0, 1_000],
    ['Up 3 hours', 2_000, 1_800_000],
    ['Exited (1) 2 days ago', 5_000, 84_600_000],
    ['Created', 5_000, Infinity],
  ];
  for (const [status, laterMs, untilMs] of rows) {
    const container = aContainer({ engine, name: 'web', seenAtMs: 0, summary: { Status: status } });
    const rendered = renderEntry(container, { nameStyle: 'plain-first', nowMs: laterMs });
    t.equal(rendered.untilMs, untilMs, `${status} + ${laterMs} ms`);
    if (untilMs === Infinity) continue;
    const just = renderEntry(container, { nameStyle: 'plain-first', nowMs: untilMs - 1 });
    t.equal(just.text, rendered.text, 'the same to the last millisecond');
  }
});

void t.test('renderStatus() counts ages on from the moment they were read', async (t) => {
  const rows: readonly [string, number, string][] = [
    ['Up 5 seconds', 0, 'Up 5 seconds'],
    ['Up 5 seconds', 999, 'Up 5 seconds'],
    ['Up 5 seconds', 10_000, 'Up 15 seconds'],
    ['Up Less than a second', 90_000, 'Up About a minute'],
    ['Up About a minute', 60_000, 'Up 2 minutes'],
    ['Up 2 hours (healthy)', 3_600_000, 'Up 3 hours (healthy)'],
    ['Up 5 minutes (Paused)', 60_000, 'Up 6 minutes (Paused)'],
    ['Exited (137) 10 seconds ago', 20_000, 'Exited (137) 30 seconds ago'],
    ['Restarting (1) 3 seconds ago', 4_000, 'Restarting (1) 7 seconds ago'],
    ['Created', 60_000, 'Created'],
    ['Dead', 60_000, 'Dead'],
    ['Something new', 60_000, 'Something new'],
  ];
  for (const [status, laterMs, expected] of rows) {
    const container = aContainer({ engine, name: 'web', seenAtMs: 1000, summary: { Status: status } });
    t.equal(renderStatus(container, 1000 + laterMs), expected, `${status} + ${laterMs} ms`);
  }
});

void t.test('renderStatus() says Host Down for every engine that does not answer', async (t) => {
  for (const state of ['unhealthy', 'pending', 'disconnected'] as const) {
    const container = aContainer({ engine: anEngine({ name: 'n1', state }), name: 'web' });
    t.equal(renderStatus(container, 0), 'Host Down');
    t.equal(container.state, 'running', 'the state stays one that clients know');
  }
});

void t.test('renderPorts() shows the literal IP of the engine, once', async (t) => {
  const port = { PrivatePort: 80, PublicPort: 8080, Type: 'tcp' };
  const rows: readonly [string, unknown[], string, unknown[]][] = [
    [
      'both families',
      [
        { IP: '0.0.0.0', ...port },
        { IP: '::', ...port },
      ],
      '10.0.0.5',
      [{ IP: '10.0.0.5', ...port }],
    ],
    [
      'another port of the other family',
      [
        { IP: '0.0.0.0', ...port },
        { IP: '::', ...port, PublicPort: 8081 },
      ],
      '10.0.0.5',
      [{ IP: '10.0.0.5', ...port }],
    ],
    [
      'an engine that is reached by IPv6',
      [
        { IP: '0.0.0.0', ...port },
        { IP: '::', ...port, PublicPort: 8081 },
      ],
      'fd00::5',
      [{ IP: 'fd00::5', ...port, PublicPort: 8081 }],
    ],
    ['only the other family', [{ IP: '::', ...port }], '10.0.0.5', [{ IP: '10.0.0.5', ...port }]],
    ['a given address', [{ IP: '127.0.0.1', ...port }], '10.0.0.5', [{ IP: '127.0.0.1', ...port }]],
    ['only exposed', [{ PrivatePort: 80, Type: 'tcp' }], '10.0.0.5', [{ PrivatePort: 80, Type: 'tcp' }]],
    ['unknown engine IP', [{ IP: '0.0.0.0', ...port }], '', [{ IP: '0.0.0.0', ...port }]],
  ];
  for (const [name, ports, ip, expected] of rows) t.same(renderPorts(ports, ip), expected, name);
});

void t.test('patchInspect() adds Node and leaves the rest alone', async (t) => {
  const body = {
    Id: 'x',
    Future: [1],
    NetworkSettings: {
      Ports: {
        '80/tcp': [
          { HostIp: '0.0.0.0', HostPort: '80' },
          { HostIp: '::', HostPort: '80' },
          { HostIp: '127.0.0.1', HostPort: '81' },
        ],
        '90/tcp': null,
      },
      SandboxID: 's',
    },
  };
  t.same(patchInspect(body, engine), {
    Id: 'x',
    Future: [1],
    NetworkSettings: {
      Ports: {
        '80/tcp': [
          { HostIp: '10.0.0.5', HostPort: '80' },
          { HostIp: '127.0.0.1', HostPort: '81' },
        ],
        '90/tcp': null,
      },
      SandboxID: 's',
    },
    Node: {
      ID: 'ID-n1',
      IP: '10.0.0.5',
      Addr: 'n1:2376',
      Name: 'n1',
      Cpus: 2,
      Memory: 4294967296,
      Labels: { region: 'eu' },
    },
  });
});
