// One bounded HTTP call to a token service. node:https on purpose: every joined engine runs this in a process of its own,
// and a general HTTP client would add some 20 MB to each (measured: 44 MB at rest, 64 MB with got).
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '../base/clock.js';
import { startDeadline } from '../base/deadline.js';
import { SwarmError } from '../base/errors.js';
import type { ClientTls } from './client-tls.js';
import { serviceError } from './service-error.js';

export interface ServiceCall {
  /** Name for messages. */
  readonly service: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Must be present for https URLs. */
  readonly tls?: ClientTls | undefined;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export interface ServiceAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

// 65,536 entries of 300 bytes, in quotes and with commas.
const largestAnswerBytes = 20 * 1024 * 1024;

/** @throws {DISCOVERY_FAILED} when there is no complete answer in time; any status is an answer */
export async function callService(call: ServiceCall): Promise<ServiceAnswer> {
  const deadline = startDeadline(call.clock, {
    delayMs: call.timeoutMs,
    parent: call.signal,
    reason: () =>
      new SwarmError(
        'DISCOVERY_FAILED',
        `Cannot reach discovery service "${call.service}": no answer within ${call.timeoutMs / 1000} s`,
      ),
  });
  try {
    return await send(call, deadline.signal);
  } catch (error) {
    if (deadline.signal.aborted) throw deadline.signal.reason;
    throw serviceError(call.service, error);
  } finally {
    deadline.clear();
  }
}

function send(call: ServiceCall, signal: AbortSignal): Promise<ServiceAnswer> {
  return new Promise((resolve, reject) => {
    const url = new URL(call.url);
    const body = call.body === undefined ? undefined : Buffer.from(call.body);
    const options: RequestOptions = {
      method: call.method,
      // One call a minute: a kept connection would only be found dead.
      agent: false,
      signal,
      headers: {
        ...call.headers,
        ...(body === undefined && call.method !== 'POST' ? {} : { 'Content-Length': body?.length ?? 0 }),
      },
    };
    const request =
      url.protocol === 'http:'
        ? httpRequest(url, options)
        : httpsRequest(url, { ...options, ...tlsOptions(call.tls) });
    request.on('error', reject);
    request.on('response', (response) => {
      readAnswer(response).then(resolve, reject);
    });
    request.end(body);
  });
}

function tlsOptions(tls: ClientTls | undefined): object {
  if (tls === undefined) return {};
  return {
    secureContext: tls.context,
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  };
}

async function readAnswer(response: IncomingMessage): Promise<ServiceAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestAnswerBytes) throw new Error(`the answer has more than ${largestAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks).toString('utf8'),
  };
}
