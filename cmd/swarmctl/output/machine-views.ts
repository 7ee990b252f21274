// How machines are shown: the table of `machine ls`, the object of `machine inspect`, and docker-machine's templates.
import { SwarmError } from '../../../controller/base/errors.js';
import { isJsonObject } from '../../../controller/base/json.js';
import { formatHostPort } from '../../../controller/api/engine-address.js';
import type { Machine } from '../../../controller/machine/machine-store.js';
import { cellText, formatRows } from './table.js';

/** What an engine said when it was asked for its version. */
export type EngineAnswer = { readonly version: string } | { readonly error: string };

/** `tcp://address:port`: what to put into DOCKER_HOST. */
export function machineUrl(machine: Machine): string {
  return `tcp://${formatHostPort(machine.address)}`;
}

/**
 * docker-machine's table, with the set in the place of its swarm column.
 * @param options.answers by machine name; machines that were not asked have none
 * @param options.dockerHost DOCKER_HOST of the user's shell, which makes a machine the active one
 */
export function formatMachines(
  machines: readonly Machine[],
  options: { readonly answers: ReadonlyMap<string, EngineAnswer>; readonly dockerHost: string | undefined },
): string {
  const header = ['NAME', 'ACTIVE', 'DRIVER', 'STATE', 'URL', 'SET', 'DOCKER', 'ERRORS'];
  const rows = machines.map((machine) => {
    const answer = options.answers.get(machine.name);
    const running = machine.state === 'Running';
    const version = answer !== undefined && 'version' in answer ? `v${answer.version}` : 'Unknown';
    const error = machine.error ?? (answer !== undefined && 'error' in answer ? answer.error : '');
    return [
      machine.name,
      running && machineUrl(machine) === options.dockerHost ? '*' : '-',
      machine.driver,
      machine.state,
      running ? machineUrl(machine) : '',
      machine.set,
      version,
      error === '' ? '' : cellText(error),
    ];
  });
  return formatRows([header, ...rows]);
}

/** Everything about a machine. The capitalised part is what scripts written for docker-machine read. */
export function machineView(machine: Machine): Readonly<Record<string, unknown>> {
  return {
    ...machine,
    url: machineUrl(machine),
    Name: machine.name,
    DriverName: machine.driver,
    Driver: {
      MachineName: machine.name,
      IPAddress: machine.address.host,
      EnginePort: machine.address.port,
      StorePath: machine.directory,
    },
    HostOptions: {
      EngineOptions: {
        Labels: Object.entries(machine.labels).map(([key, value]) => `${key}=${value}`),
        TlsVerify: true,
      },
      AuthOptions: {
        CertDir: machine.certificateDirectory,
        CaCertPath: machine.tls.caFile,
        ClientCertPath: machine.tls.certFile,
        ClientKeyPath: machine.tls.keyFile,
      },
    },
  };
}

const placeholder = /\{\{\s*(?:(json)\s+)?\.([\w.]*)\s*\}\}|\{\.([\w.]+)\}/g;

/**
 * Fills `{{.Driver.IPAddress}}` (as in docker-machine) or `{.socket}` with fields; objects print as JSON.
 * @throws {USAGE} when a field does not exist, or something else stands in braces
 */
export function fillTemplate(template: string, view: Readonly<Record<string, unknown>>): string {
  const unread = /\{\{.*|\}\}/.exec(template.replaceAll(placeholder, ''));
  if (unread !== null) {
    throw new SwarmError(
      'USAGE',
      `Cannot read template ${JSON.stringify(template)}: ${JSON.stringify(unread[0])} is not a field in braces`,
      { hint: 'For example {{.Name}}, {{.Driver.IPAddress}} or {{json .HostOptions}}' },
    );
  }
  return template.replace(
    placeholder,
    (_all, json: string | undefined, go: string | undefined, plain: string | undefined) => {
      const path = (go ?? plain ?? '').split('.').filter((part) => part !== '');
      const value = path.reduce<unknown>((at, part) => (isJsonObject(at) ? at[part] : undefined), view);
      if (value === undefined) {
        throw new SwarmError(
          'USAGE',
          `Cannot print field ".${path.join('.')}": a machine has no such field`,
          {
            hint: 'See swarmctl machine inspect NAME for the fields there are',
          },
        );
      }
      return typeof value === 'string' && json === undefined ? value : JSON.stringify(value);
    },
  );
}
