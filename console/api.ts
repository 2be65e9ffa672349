/**
 * Calls the gateway's HTTP interface (docs/http.md). Every path but the login is relative to the page, which
 * a proxy may serve under a prefix.
 *
 * @module
 */

import { fieldOf } from "../client/realm.ts";

/** The gateway's settings for the page. */
export interface Settings {
  /** True if there is a mock issuer. */
  readonly canLogIn: boolean;
  /** The publish key of a development start, which is no secret. */
  readonly publishKey: string | undefined;
  readonly heartbeatIntervalMs: number;
  readonly version: string;
  /** The URL of the clients' port, without a path; `.` for the page's own. */
  readonly clientsUrl: string;
}

export interface Login {
  readonly user: string;
  readonly channels: readonly string[];
  readonly expiresInS: number;
  readonly clientsUrl: string;
}

export interface Publication {
  readonly target: { readonly channel: string } | { readonly user: string } | "everyone";
  readonly author: string;
  /** The text of one JSON value, sent unchanged. */
  readonly contentJson: string;
  readonly key: string;
}

/** The gateway's answer to a publish. */
export interface Receipt {
  readonly id: string;
  readonly time: number;
}

/** The gateway refused a request (docs/http.md, "Problems"). */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
}

/** A request got no answer. */
export class NoAnswerError extends Error {
  override readonly name = "NoAnswerError";
}

/** The mock issuer accepts any but `wrong`. */
const PASSWORD = "console";

export async function fetchSettings(): Promise<Settings> {
  const body = await readJson(await request("console.json"));
  const publishKey = fieldOf(body, "publish_key");
  return {
    canLogIn: fieldOf(body, "login") === true,
    publishKey: typeof publishKey === "string" ? publishKey : undefined,
    heartbeatIntervalMs: Number(fieldOf(body, "heartbeat_interval")),
    version: String(fieldOf(body, "version")),
    clientsUrl: String(fieldOf(body, "clients_url") ?? "."),
  };
}

export async function logIn({ clientsUrl, ...who }: Login): Promise<string> {
  const answer = await readJson(await post(`${clientsUrl}/login`, loginBodyOf(who)));
  return String(fieldOf(answer, "token"));
}

export function loginBodyOf({ user, channels, expiresInS }: Omit<Login, "clientsUrl">): string {
  return JSON.stringify({ user, password: PASSWORD, channels, expires_in: expiresInS });
}

export function bodyOf({ target, author, contentJson }: Omit<Publication, "key">): string {
  const head = JSON.stringify({ ...target === "everyone" ? {} : target, author });
  return `${head.slice(0, -1)},"content":${contentJson}}`;
}

/** Resolves when the message is stored. */
export async function publish(publication: Publication): Promise<Receipt> {
  const body = bodyOf(publication);
  const answer = await readJson(await post("messages", body, publication.key));
  return { id: String(fieldOf(answer, "id")), time: Number(fieldOf(answer, "time")) };
}

/** Closes all connections of a user with 4010. Returns their number. */
export async function disconnectUser(user: string, key: string): Promise<number> {
  const headers = { authorization: `Bearer ${key}` };
  const path = `users/${encodeURIComponent(user)}/connections`;
  return Number(
    fieldOf(await readJson(await request(path, { method: "DELETE", headers })), "disconnected"),
  );
}

/** A user's connections (docs/http.md, "Presence"). */
export interface UserReport {
  readonly user: string;
  readonly connections: number;
  readonly channels: readonly string[];
  readonly sessions: readonly SessionReport[];
}

export interface SessionReport {
  readonly id: string;
  readonly node: string;
  readonly transport: string;
  /** Unix milliseconds. */
  readonly since: number;
  readonly roundTripMs: number | undefined;
  readonly unsentBytes: number;
  readonly replayingAfter: string | undefined;
  readonly sentUpTo: string;
}

export async function fetchUser(user: string, key: string): Promise<UserReport> {
  const headers = { authorization: `Bearer ${key}` };
  const body = await readJson(await request(`users/${encodeURIComponent(user)}`, { headers }));
  return {
    user,
    connections: Number(fieldOf(body, "connections")),
    channels: listOf(fieldOf(body, "channels")).map(String),
    sessions: listOf(fieldOf(body, "sessions")).map(sessionOf),
  };
}

function sessionOf(session: unknown): SessionReport {
  const text = (name: string): string => String(fieldOf(session, name));
  const roundTrip = fieldOf(session, "round_trip_ms");
  const replaying = fieldOf(session, "replaying_after");
  return {
    ...{ id: text("id"), node: text("node"), transport: text("transport") },
    since: Number(fieldOf(session, "since")),
    roundTripMs: typeof roundTrip === "number" ? roundTrip : undefined,
    unsentBytes: Number(fieldOf(session, "unsent_bytes")),
    replayingAfter: typeof replaying === "string" ? replaying : undefined,
    sentUpTo: text("sent_up_to"),
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Returns the absolute URL of a route. `base` is the page's folder or a URL without a path. */
export function urlOf(route: string, base = "."): string {
  return new URL(`${base}/${route}`, location.href).href;
}

/** In the text format of Prometheus. */
export async function fetchMetrics(signal: AbortSignal): Promise<string> {
  return await (await request("metrics", { signal })).text();
}

function post(path: string, body: string, key?: string): Promise<Response> {
  const headers = new Headers({ "content-type": "application/json" });
  if (key !== undefined) headers.set("authorization", `Bearer ${key}`);
  return request(path, { method: "POST", headers, body });
}

/** @throws {ProblemError} for an answer of failure; {@linkcode NoAnswerError} without an answer */
async function request(path: string, init?: RequestInit): Promise<Response> {
  const response = await fetch(path, { credentials: "omit", ...init }).catch(() => {
    throw new NoAnswerError("No answer: is the gateway running?");
  });
  if (response.ok) return response;
  throw new ProblemError(await problemOf(response));
}

/** Formats a problem (RFC 9457) with its pointers into the request. */
async function problemOf(response: Response): Promise<string> {
  const status = `${response.status} ${response.statusText}`.trim();
  const problem = await readJson(response).catch(() => undefined);
  const [code, detail, errors] = ["code", "detail", "errors"].map((name) => fieldOf(problem, name));
  if (typeof detail !== "string") return `The gateway answered ${status}.`;
  const places = Array.isArray(errors) ? errors.map(placeOf) : [];
  return [`${status} (${String(code)}): ${detail}`, ...places].join("\n");
}

function placeOf(error: unknown): string {
  const place = fieldOf(error, "pointer") ?? fieldOf(error, "parameter") ?? "";
  return `${String(place)} ${String(fieldOf(error, "detail"))}`.trim();
}

async function readJson(response: Response): Promise<unknown> {
  return await response.json();
}
