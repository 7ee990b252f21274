// Connections that leave HTTP: attach, exec and websocket attach. The upgrade is repeated towards the engine by hand, its
// answer passed on as it came, and the two sockets are joined. Routes only say where it goes.
import type { Duplex } from 'node:stream';
import type net from 'node:net';
import type { Clock } from '../base/clock.js';
import {
  header,
  openUpgrade,
  readRefusal,
  type AnswerHead,
  type Refusal,
  type UpgradeTarget,
} from './engine-upgrade.js';
import { stallWithin } from './call-engine.js';
import { needsStreamType, streamType } from './forward.js';
import type { RequestContext } from './route-context.js';
import { splice, type Tunnel } from './splice.js';

export interface HijackTarget extends UpgradeTarget {
  /** Whether the stream is a terminal's, asked only of engines that do not say it themselves. */
  readonly isTerminal: () => Promise<boolean>;
}

/** A route that speaks with the client on the bare socket by itself: nothing was answered yet. */
export interface TakeOver {
  /** @param client paused, with everything after the request still to be read. Never throws. */
  readonly takeOver: (client: net.Socket, hijacker: Hijacker) => void;
}

/** Decides where an upgraded connection goes. `body` is the declared body of the upgrade request. */
export type HijackRoute = (context: RequestContext, body: Buffer) => Promise<HijackTarget | TakeOver>;

/** Owns every open tunnel, so that a shutdown can end them. */
export class Hijacker {
  readonly #clock: Clock;
  readonly #tunnels = new Set<Tunnel>();

  constructor(options: { readonly clock: Clock }) {
    this.#clock = options.clock;
  }

  get openTunnels(): number {
    return this.#tunnels.size;
  }

  /**
   * Upgrades towards the engine and joins the connections; resolves when the tunnel is open or refused.
   * @param client the client's socket, paused; `rest` = what it sent after the body of its request
   * @returns the engine's refusal, for the caller to answer with; undefined when the tunnel is open
   * @throws SwarmError ENGINE_* when the engine cannot be reached or does not answer
   */
  async relay(
    context: RequestContext,
    {
      client,
      rest,
      target,
      protocol,
    }: { client: Duplex; rest: Buffer; target: HijackTarget; protocol: string },
  ): Promise<Refusal | undefined> {
    const { socket, answer } = await openUpgrade(context, { target, protocol });
    if (answer.status !== 101 && answer.status !== 200) {
      // An engine that stops in the middle of its refusal has still refused.
      const cancel = this.#clock.setTimer(stallWithin.json, () => socket.destroy());
      return readRefusal(socket, answer).finally(cancel);
    }
    try {
      const head = await this.#adaptHead(context, { target, answer });
      this.#join({ client, engine: socket, head, rest, early: answer.rest });
      return undefined;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** Makes a tunnel one of those that a shutdown ends. */
  track(tunnel: Tunnel): void {
    this.#tunnels.add(tunnel);
    void tunnel.closed.then(() => this.#tunnels.delete(tunnel));
  }

  /** Ends all tunnels. */
  async close(): Promise<void> {
    const tunnels = [...this.#tunnels];
    for (const tunnel of tunnels) tunnel.destroy();
    await Promise.all(tunnels.map((tunnel) => tunnel.closed));
  }

  #join(ends: { client: Duplex; engine: net.Socket; head: string; rest: Buffer; early: Buffer }): void {
    const { client, engine } = ends;
    client.write(ends.head, 'latin1');
    if (ends.early.length > 0) client.write(ends.early);
    // Only now: before its 101, the engine would take these bytes for the body of the request and drop them.
    if (ends.rest.length > 0) engine.write(ends.rest);
    this.track(splice(client, engine, this.#clock));
  }

  /** The engine's head verbatim, but for the stream type that old engines cannot tell. */
  async #adaptHead(
    context: RequestContext,
    { target, answer }: { target: HijackTarget; answer: AnswerHead },
  ): Promise<string> {
    if (
      !needsStreamType(target.engine, context.version) ||
      header(answer, 'sec-websocket-accept') !== undefined
    ) {
      return answer.text;
    }
    const type = streamType(await target.isTerminal());
    return answer.text.replace(/^(content-type:)[^\r\n]*/im, `$1 ${type}`);
  }
}
