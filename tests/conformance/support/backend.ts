/**
 * The app's backend: login at the mock issuer, and the routes that need the publish key (docs/http.md).
 *
 * It only sends requests and returns answers; tests judge them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { within } from "./wait.ts";

/** A message to publish. */
export interface Draft {
  readonly channel?: string;
  readonly user?: string;
  readonly author: string;
  readonly content: unknown;
}

/** The gateway's answer for a message that it accepted. */
export interface Accepted {
  readonly id: string;
  readonly time: number;
}

/** An answer over HTTP, read completely. `body` is JSON if the answer was, else text. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** The rest of a request, besides method and path. */
export interface RequestOptions {
  /** Sent as JSON, unless it is bytes or text. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A user's claims for the mock issuer. */
export interface LoginOptions {
  readonly channels?: readonly string[];
  readonly expiresInS?: number;
}

export interface Presence {
  readonly user: string;
  readonly connections: number;
  readonly channels: readonly string[];
}

/** Routes of the gateway with the mock issuer. */
const ISSUER_PATHS: ReadonlySet<string> = new Set(["/login", "/.well-known/jwks.json"]);

export interface BackendOptions {
  /** The gateway for the next request, without a path. */
  readonly url: () => string;
  /** The gateway whose mock issuer all of them trust. */
  readonly loginUrl: string;
  /** The key for the backend's routes. */
  readonly publishKey: string;
}

/** One of a user's connections. */
export interface SessionDetails {
  readonly id: string;
  readonly node: string;
  readonly transport: string;
  readonly since: number;
  readonly round_trip_ms: number | null;
  readonly unsent_bytes: number;
  readonly replaying_after: string | null;
  readonly sent_up_to: string;
}

export interface UserDetails extends Presence {
  readonly sessions: readonly SessionDetails[];
}

/** A page of the users in a channel. */
export interface ChannelUsers {
  readonly users: readonly { readonly user: string; readonly connections: number }[];
  readonly more: boolean;
}

/** A backend with the publish key. */
export class Backend {
  readonly #options: BackendOptions;

  /** A backend of one gateway, or of several equivalent ones. */
  constructor(options: BackendOptions) {
    this.#options = options;
  }

  /** Requests `path`, with the publish key unless `headers` say otherwise. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const { url, loginUrl, publishKey } = this.#options;
    const { body } = options;
    const raw = typeof body === "string" || body instanceof Uint8Array;
    const headers = {
      Authorization: `Bearer ${publishKey}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...options.headers,
    };
    const asked = fetch((ISSUER_PATHS.has(path) ? loginUrl : url()) + path, {
      method,
      headers,
      redirect: "manual",
      ...(body === undefined ? {} : { body: raw ? body as BodyInit : JSON.stringify(body) }),
    }).then(async (response) => ({
      status: response.status,
      headers: response.headers,
      body: parse(response.headers.get("content-type") ?? "", await response.text()),
    }));
    return await within(`an answer to ${method} ${path}`, asked);
  }

  /** A token of the mock issuer. */
  async login(user: string, options: LoginOptions = {}): Promise<string> {
    const { channels, expiresInS } = options;
    const body = {
      user,
      password: "correct",
      ...(channels === undefined ? {} : { channels }),
      ...(expiresInS === undefined ? {} : { expires_in: expiresInS }),
    };
    const answer = await this.#expect(200, "POST", "/login", { body });
    const { token } = answer as { token: unknown };
    assert.ok(typeof token === "string", "the login's token");
    return token;
  }

  async publish(draft: Draft): Promise<Accepted> {
    return await this.#expect(201, "POST", "/messages", { body: draft }) as Accepted;
  }

  /** Publishes several messages in one request. */
  async publishAll(drafts: readonly Draft[]): Promise<readonly Accepted[]> {
    return await this.#expect(201, "POST", "/messages", { body: drafts }) as Accepted[];
  }

  /** Sends one signal or several. */
  async signal(drafts: Draft | readonly Draft[]): Promise<void> {
    assert.equal(await this.#expect(202, "POST", "/signals", { body: drafts }), "");
  }

  /** The position after everything published so far. */
  async position(): Promise<string> {
    const page = await this.#expect(200, "GET", "/messages?limit=0");
    const { messages, more, last_id } = page as Record<string, unknown>;
    assert.deepEqual([messages, more], [[], false]);
    assert.ok(typeof last_id === "string", "the position");
    return last_id;
  }

  /** Subscribes a user's open connections to a channel. */
  async join(user: string, channel: string): Promise<void> {
    const answer = await this.request("PUT", `${userPath(user)}/channels/${encode(channel)}`);
    assert.ok(answer.status < 300, `join: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  /** Unsubscribes a user's open connections from a channel. */
  async leave(user: string, channel: string): Promise<void> {
    const answer = await this.request("DELETE", `${userPath(user)}/channels/${encode(channel)}`);
    assert.ok(answer.status < 300, `leave: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  async disconnect(user: string): Promise<void> {
    const answer = await this.request("DELETE", `${userPath(user)}/connections`);
    assert.ok(answer.status < 300, `disconnect: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  async revoke(user: string): Promise<{ disconnected: number; issuedBefore: number }> {
    const answer = await this.#expect(200, "DELETE", `${userPath(user)}/tokens`);
    const { disconnected, issued_before } = answer as Record<string, unknown>;
    assert.ok(typeof disconnected === "number" && typeof issued_before === "number");
    return { disconnected, issuedBefore: issued_before };
  }

  async presence(user: string): Promise<Presence> {
    const { sessions: _, ...presence } = await this.inspect(user);
    return presence;
  }

  /** Presence of a user, and each connection. */
  async inspect(user: string): Promise<UserDetails> {
    return await this.#expect(200, "GET", userPath(user)) as UserDetails;
  }

  /** Presence of each of `users`. */
  async presenceOf(users: readonly string[]): Promise<readonly Presence[]> {
    const path = `/users?user=${users.map(encode).join("&user=")}`;
    const answer = await this.#expect(200, "GET", path) as { readonly users: Presence[] };
    return answer.users;
  }

  async channel(channel: string): Promise<unknown> {
    return await this.#expect(200, "GET", `/channels/${encode(channel)}`);
  }

  /** One page of the users in a channel. */
  async usersOf(channel: string, query = ""): Promise<ChannelUsers> {
    const path = `/channels/${encode(channel)}/users${query}`;
    return await this.#expect(200, "GET", path) as ChannelUsers;
  }

  async #expect(
    status: number,
    ...[method, path, options]: Parameters<Backend["request"]>
  ): Promise<unknown> {
    const answer = await this.request(method, path, options);
    const seen = JSON.stringify(answer.body);
    assert.equal(answer.status, status, `${method} ${path} answered ${answer.status} ${seen}`);
    return answer.body;
  }
}

function userPath(user: string): string {
  return `/users/${encode(user)}`;
}

function encode(text: string): string {
  return encodeURIComponent(text);
}

function parse(contentType: string, text: string): unknown {
  return /\bjson\b/.test(contentType) && text !== "" ? JSON.parse(text) : text;
}
