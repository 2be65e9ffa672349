/**
 * The HTTP interface with fakes, for tests of `gateway/http/mod.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHttp, type HttpOptions, type Routes } from "../../gateway/http/mod.ts";
import type {
  ChannelPresence,
  ChannelUsersQuery,
  ConnectedUsersPage,
  Presence,
  SessionDetails,
  Signal,
  UserCommand,
  UserDetails,
  Users,
} from "../../gateway/ports.ts";
import { createMemoryLog } from "../../gateway/log/memory.ts";
import type { Exchange, MessageLog } from "../../gateway/ports.ts";
import { readBody } from "../../gateway/runtime/request_body.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeIds } from "../../mock/doubles/ids.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";

export const KEY = "a-publish-key";

/** The headers of a WebSocket handshake. */
export const HANDSHAKE = {
  upgrade: "websocket",
  connection: "keep-alive, Upgrade",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};

export interface Call {
  /** Sent unchanged if it is a string or bytes, else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer, read completely. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, if it is JSON. */
  // deno-lint-ignore no-explicit-any
  readonly json: any;
}

/** Users in a table, and a record of the calls. */
export class FakeUsers implements Users {
  readonly calls: string[] = [];

  execute(command: UserCommand): Promise<number> {
    this.calls.push(Object.values(command).join(" "));
    return Promise.resolve("channel" in command ? 0 : 2);
  }

  presence(users: readonly string[]): Promise<readonly Presence[]> {
    this.calls.push(`presence ${users}`);
    return Promise.resolve(
      users.map((user) =>
        user === "alice"
          ? { connections: 2, channels: ["general"] }
          : { connections: 0, channels: [] }
      ),
    );
  }

  async inspect(user: string): Promise<UserDetails> {
    const [found = { connections: 0, channels: [] }] = await this.presence([user]);
    const sessions = Array.from({ length: found.connections }, (_, index): SessionDetails => ({
      ...{ id: `c${index}`, node: "a:8000", transport: "node", since: 1_579_276_740_336 },
      ...{ roundTripMs: index === 0 ? 12.5 : null, unsentBytes: index },
      ...{ replayingAfter: index === 0 ? null : "e-1", sentUpTo: "e-7" },
    }));
    return { ...found, sessions };
  }

  channelPresence(channel: string): ChannelPresence {
    this.calls.push(`channel ${channel}`);
    return { users: 2, connections: 3 };
  }

  channelUsers({ channel, after, limit }: ChannelUsersQuery): ConnectedUsersPage {
    this.calls.push(`users of ${channel} after ${after}, ${limit}`);
    return { users: [{ user: "alice", connections: 2 }], more: true };
  }
}

/** The interface and its fakes. */
export interface Fixture {
  readonly clock: FakeClock;
  readonly log: MessageLog;
  readonly logger: FakeLogger;
  readonly users: FakeUsers;
  /** Signals of all requests, in order. */
  readonly signals: Signal[];
  /** The number of messages of each publish, unless a log is given. */
  readonly counts: number[];
  /** Answers a request without changing it. */
  fetch(request: Request): Promise<Response>;
  /** Sends a request, with the publish key unless its headers say otherwise. */
  call(method: string, path: string, call?: Call): Promise<Answer>;
}

/** Creates a fixture. */
export function createFixture(
  { upgrade = () => new Response("upgraded"), ...overrides }:
    & Partial<HttpOptions>
    & Partial<Pick<Exchange, "upgrade">> = {},
  routes?: Routes,
): Fixture {
  const clock = new FakeClock();
  const logger = new FakeLogger();
  const users = new FakeUsers();
  const log = overrides.log ?? createMemoryLog({ clock, ids: new FakeIds(), logger });
  const counts: number[] = [];
  const signals: Signal[] = [];
  if (overrides.log === undefined) log.subscribe((messages) => void counts.push(messages.length));
  const http = createHttp({
    log,
    users,
    signals: { signal: (sent) => void signals.push(...sent) },
    clock,
    logger,
    connect: () => ({ accept: () => assert.fail("no socket was opened"), abandon: () => {} }),
    allowedOrigins: [],
    originRefused: () => {},
    draining: () => false,
    metricsText: () => Promise.resolve("gateway_up 1\n"),
    publishKeys: [KEY],
    issuer: undefined,
    version: "1.2.3",
    maxMessageBytes: 65_536,
    ...overrides,
  }, routes);
  const fetch = async (request: Request): Promise<Response> =>
    await http(request, {
      address: "192.0.2.1",
      readBody: (limits) => readBody(request, clock, limits),
      upgrade,
    });
  const call = async (method: string, path: string, { body, headers }: Call = {}) => {
    const isRaw = body === undefined || typeof body === "string" || body instanceof Uint8Array;
    const response = await fetch(
      new Request(`http://gateway.test${path}`, {
        method,
        body: isRaw ? body as BodyInit | undefined ?? null : JSON.stringify(body),
        headers: {
          authorization: `Bearer ${KEY}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
      }),
    );
    return await read(response);
  };
  return { clock, log, logger, users, signals, counts, fetch, call };
}

export async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "") && text !== "";
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}
