/**
 * What the HTTP interface is given: types only.
 *
 * @module
 */

import type { OpenAPIHono } from "@hono/zod-openapi";
import type { PendingConnection, Refused } from "../gateway.ts";
import type { BodyBudget, Clock, Exchange, Json, Logger, MessageLog, Users } from "../ports.ts";

/** What a login asks for, defaults filled in. */
export interface LoginRequest {
  /** Who logs in. */
  readonly user: string;
  /** Anything but `wrong`. */
  readonly password: string;
  /** For the token's `channels`. */
  readonly channels: readonly string[];
  /** Seconds until the token is to expire. */
  readonly expires_in: number;
}

/** What a login gives. */
export interface LoginAnswer {
  /** The JWT to identify with. */
  readonly token: string;
  /** The token's `sub`. */
  readonly user: string;
  /** Seconds until the token expires. */
  readonly expires_in: number;
}

/** Logs users in, for development. */
export interface LoginIssuer {
  /** A token for the user, or why there is none. */
  login(request: LoginRequest): Promise<LoginAnswer | "wrong_password" | "token_too_long">;
  /** The public keys that its tokens are verified with, as a JWK set. */
  jwks(): Promise<Json>;
}

/** The console, and what it may tell its page of this gateway. */
export interface ConsoleOptions {
  /** The texts of its files by name; empty as long as it is not built. */
  readonly files: ReadonlyMap<string, string>;
  /** The publish key, if it is the one that everybody knows. */
  readonly publishKey: string | undefined;
  /** Time between two heartbeats of the server, in milliseconds. */
  readonly heartbeatIntervalMs: number;
  /** Where clients are served, as a URL without a path, if not where the console is. */
  readonly clientsUrl?: string;
}

/** What the WebSocket handshake works with. */
export interface ConnectOptions {
  /** Admits a connection from the client at `address`, or says why it gets none. */
  connect(address: string): PendingConnection | Refused;
  /**
   * Origins from which browsers may connect, in lower case; empty allows all. In
   * `https://*.example.com` the `*` is one whole label of the host.
   */
  readonly allowedOrigins: readonly string[];
  /** Called for each handshake that was refused for its origin. */
  originRefused(): void;
  /** For the origins that are refused. */
  readonly logger: Logger;
  /** For waits, and for how often the same refusal is logged. */
  readonly clock: Clock;
}

/** What the HTTP interface works with. */
export interface HttpOptions extends ConnectOptions {
  /** Keeps what is published. */
  readonly log: MessageLog;
  /** Who is connected. */
  readonly users: Users;
  /** Whether the gateway is shutting down. */
  draining(): boolean;
  /** The metrics in Prometheus's text format. */
  metricsText(): Promise<string>;
  /** The keys that the backend's routes accept; with none they refuse everybody. */
  readonly publishKeys: readonly string[];
  /** The login for development; without it its routes do not exist. */
  readonly issuer: LoginIssuer | undefined;
  /** The web page for developers; without it its routes do not exist. */
  readonly console?: ConsoleOptions | undefined;
  /** Whether it answers under names that a stranger can have; it does unless told. */
  readonly allowAnyHost?: boolean;
  /** For bugs and failures. */
  readonly logger: Logger;
  /** For how often the same failure is logged. */
  readonly clock: Clock;
  /** The gateway's version, for the documents. */
  readonly version: string;
  /** Longest body, in bytes; 4 MiB unless given. */
  readonly maxBodyBytes?: number;
  /** Longest message, in bytes of its JSON; 64 KiB unless given. */
  readonly maxMessageBytes?: number;
  /** How long a body may take to arrive, in milliseconds; 30,000 unless given. */
  readonly bodyTimeoutMs?: number;
  /** What bodies may hold together; 128 MiB, and one of these routes alone, unless given. */
  readonly bodyBudget?: BodyBudget;
  /** Called when something went wrong that should not be possible. */
  bug?(): void;
  /** Called with the number of messages of each publish that was kept, repetitions excluded. */
  published?(count: number): void;
}

/** The router with its environment. */
export type App = OpenAPIHono<{ Bindings: Exchange }>;
