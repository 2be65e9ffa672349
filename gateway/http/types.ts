/**
 * The collaborators and options of the HTTP interface: types only.
 *
 * @module
 */

import type { OpenAPIHono } from "@hono/zod-openapi";
import type { PendingConnection, Refused } from "../gateway.ts";
import type { PublishTraces } from "./traces.ts";
import type {
  BodyBudget,
  Clock,
  Exchange,
  Json,
  Logger,
  LoginAnswer,
  LoginRequest,
  MessageLog,
  Signals,
  Users,
} from "../ports.ts";

/** Logs users in, for development. */
export interface LoginIssuer {
  login(
    request: Required<LoginRequest>,
  ): Promise<LoginAnswer | "wrong_password" | "token_too_long">;
  /** The public keys that its tokens are verified with, as a JWK set. */
  jwks(): Promise<Json>;
}

/** The console, and the settings that its page gets. */
export interface ConsoleOptions {
  /** The texts of its files by name; empty as long as it is not built. */
  readonly files: ReadonlyMap<string, string>;
  readonly heartbeatIntervalMs: number;
  /** The origin that clients connect to, if it is not the console's own. */
  readonly clientsUrl?: string;
}

/** Collaborators and options of the WebSocket handshake. */
export interface ConnectOptions {
  /**
   * Admits a connection from the client at `address`, or says why not. Its heartbeat interval is the given one if
   * that is shorter than the gateway's own.
   */
  connect(address: string, heartbeatIntervalMs?: number): PendingConnection | Refused;
  /**
   * Origins from which browsers may connect, in lower case; empty allows all. In
   * `https://*.example.com` the `*` is one whole label of the host.
   */
  readonly allowedOrigins: readonly string[];
  /** Called for each handshake that was refused for its origin. */
  originRefused(): void;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Collaborators and options of the HTTP interface. */
export interface HttpOptions extends ConnectOptions {
  readonly log: MessageLog;
  /** Follows publishes as traces; without it there are none. */
  readonly traces?: PublishTraces | undefined;
  readonly users: Users;
  readonly signals: Signals;
  /** The time in which tokens are issued, if it is not that of `clock`. */
  readonly tokenClock?: Pick<Clock, "now">;
  /** The gateway is shutting down. */
  draining(): boolean;
  /** The metrics in Prometheus's text format. */
  metricsText(): Promise<string>;
  /** The keys that the backend's routes accept; with none they refuse every request. */
  readonly publishKeys: readonly string[];
  /** Called for each request with another than the first of them. */
  laterKeyUsed?(): void;
  /** The login for development; without it its routes do not exist. */
  readonly issuer: LoginIssuer | undefined;
  /** The web page for developers; without it its routes do not exist. */
  readonly console?: ConsoleOptions | undefined;
  /** Accepts a publicly registrable `Host`; `true` unless given. */
  readonly allowAnyHost?: boolean;
  /** The gateway's version, for the documents. */
  readonly version: string;
  /** Longest message, in bytes of its JSON. */
  readonly maxMessageBytes: number;
  /** Bounds the bodies of all requests together; 128 MiB for these routes alone unless given. */
  readonly bodyBudget?: BodyBudget;
  /** Called for each unexpected error. */
  bug?(): void;
  /** Smaller limits, for tests. */
  readonly testing?: {
    /** Longest body, in bytes. */
    readonly maxBodyBytes?: number;
    readonly bodyTimeoutMs?: number;
  };
}

/** The router with its environment. */
export type App = OpenAPIHono<{ Bindings: Exchange }>;
