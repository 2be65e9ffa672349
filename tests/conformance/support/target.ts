/**
 * A gateway to test, known only by its URL: access as a client and as the app's backend.
 *
 * The gateway needs the mock issuer, because users log in there.
 *
 * @module
 */

import { Backend, type LoginOptions } from "./backend.ts";
import { Member, type MemberOptions } from "./member.ts";
import { Peer } from "./peer.ts";
import { type ConnectOptions, RawClient } from "./raw_client.ts";
import { eventually } from "./wait.ts";

export interface JoinOptions extends LoginOptions, MemberOptions {}

/** A gateway behind a URL, or several equivalent ones, taken in turn. */
export class Target {
  /** The app's backend, with the publish key. */
  readonly backend: Backend;
  readonly #urls: readonly [string, ...string[]];
  readonly #publishKey: string;
  #turn = 0;

  /** @param urls each without a path, the first being where users log in; @param publishKey of the backend */
  constructor(urls: readonly [string, ...string[]], publishKey: string) {
    this.#urls = urls;
    this.#publishKey = publishKey;
    this.backend = new Backend({ url: () => this.url, loginUrl: urls[0], publishKey });
  }

  /** The app's backend, for the gateway at `url` alone. */
  backendAt(url: string): Backend {
    return new Backend({ url: () => url, loginUrl: this.#urls[0], publishKey: this.#publishKey });
  }

  /** The URL of the next gateway. */
  get url(): string {
    this.#turn += 1;
    return this.#urls[this.#turn % this.#urls.length] ?? this.#urls[0];
  }

  /** The URL at which users log in: that of one gateway, also where there are several. */
  get loginUrl(): string {
    return `${this.#urls[0]}/login`;
  }

  get wsUrl(): string {
    return `${this.url.replace(/^http/, "ws")}/gateway`;
  }

  /** A bare connection after the handshake; Hello is unread. */
  async connect(options: ConnectOptions = {}): Promise<RawClient> {
    return await RawClient.connect(this.wsUrl, options);
  }

  /** Logs `user` in and connects with the client library; resolves when it is ready. */
  async member(user: string, options: JoinOptions = {}): Promise<Member> {
    return await Member.connect({
      ...options,
      url: () => this.wsUrl,
      getToken: () => this.backend.login(user, options),
    });
  }

  /** The same with a client that shows frames. */
  async peer(
    user: string,
    options: LoginOptions & { readonly signals?: boolean } = {},
  ): Promise<Peer> {
    const { signals, ...login } = options;
    const token = await this.backend.login(user, login);
    const asks = signals === undefined ? {} : { signals };
    return (await Peer.ready(this.wsUrl, { token, ...asks })).peer;
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

/** A unique user name. */
export function someone(name = "user"): string {
  users += 1;
  return `${name}-${Deno.pid}-${users}`;
}
