/**
 * A gateway to test, known by its URL alone: how to reach it as a client and as the app's backend.
 *
 * The gateway's mock issuer has to be on, because that is where users log in here.
 *
 * @module
 */

import { Backend, type LoginOptions } from "./backend.ts";
import { type Frame, Peer } from "./peer.ts";
import { type ConnectOptions, RawClient } from "./raw_client.ts";
import { eventually } from "./wait.ts";

/** Who connects, and where it takes up. */
export interface JoinOptions extends LoginOptions {
  readonly lastId?: string | undefined;
}

/** A gateway behind a URL. */
export class Target {
  /** Where its WebSockets are. */
  readonly wsUrl: string;
  /** The app's backend, with the publish key. */
  readonly backend: Backend;

  /** @param url without a path; @param publishKey of the backend */
  constructor(readonly url: string, publishKey: string) {
    this.wsUrl = `${url.replace(/^http/, "ws")}/gateway`;
    this.backend = new Backend(url, publishKey);
  }

  /** A bare connection, after the handshake; Hello is still to be read. */
  async connect(options: ConnectOptions = {}): Promise<RawClient> {
    return await RawClient.connect(this.wsUrl, options);
  }

  /** Logs `user` in, connects and identifies. */
  async join(user: string, options: JoinOptions = {}): Promise<{ peer: Peer; ready: Frame }> {
    const token = await this.backend.login(user, options);
    return await Peer.ready(this.wsUrl, { token, lastId: options.lastId });
  }

  /** The same, for when nothing in Ready matters. */
  async member(user: string, options: JoinOptions = {}): Promise<Peer> {
    return (await this.join(user, options)).peer;
  }

  /** Waits until `user` has this many connections. */
  async presence(user: string, connections: number): Promise<void> {
    await eventually(`${user} to have ${connections} connections`, async () => {
      const presence = await this.backend.presence(user);
      return presence.connections === connections ? true : undefined;
    });
  }
}

let users = 0;

/** A user name that no other test has. */
export function someone(name = "user"): string {
  users += 1;
  return `${name}-${Deno.pid}-${users}`;
}
