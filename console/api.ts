/**
 * The gateway's HTTP interface, as far as the console calls it (docs/http.md). Every path but the login is
 * relative to the page, which a proxy may serve under a prefix.
 *
 * What the gateway refuses is a {@linkcode ProblemError} with its words. Of a fetch that fails browsers say
 * nothing that helps: it is a {@linkcode NoAnswerError}.
 *
 * @module
 */

/** What the console is told of the gateway that serves it. */
export interface Settings {
  /** Whether the mock issuer is there to log in at. */
  readonly canLogIn: boolean;
  /** The publish key, where it is the one of a development start and no secret. */
  readonly publishKey: string | undefined;
  readonly heartbeatIntervalMs: number;
  readonly version: string;
  /** Where clients are served, as a URL without a path; `.` where the page is. */
  readonly clientsUrl: string;
}

/** Who wants to log in. */
export interface Login {
  readonly user: string;
  readonly channels: readonly string[];
  readonly expiresInS: number;
  /** See {@linkcode Settings}. */
  readonly clientsUrl: string;
}

/** A message to publish. */
export interface Publication {
  readonly target: { readonly channel: string } | { readonly user: string } | "everyone";
  readonly author: string;
  /** The text of one JSON value, which goes as it is. */
  readonly contentJson: string;
  readonly key: string;
}

/** What the gateway says of a message that it keeps. */
export interface Receipt {
  readonly id: string;
  readonly time: number;
}

/** The gateway refused a request (docs/http.md, "Problems"). */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
}

/** Nobody answered a request. */
export class NoAnswerError extends Error {
  override readonly name = "NoAnswerError";
}

/** Any password but `wrong` will do at the mock issuer. */
const PASSWORD = "console";

/** What there is to know before anything else. */
export async function fetchSettings(): Promise<Settings> {
  const body = await readJson(await request("console.json"));
  const publishKey = get(body, "publish_key");
  return {
    canLogIn: get(body, "login") === true,
    publishKey: typeof publishKey === "string" ? publishKey : undefined,
    heartbeatIntervalMs: Number(get(body, "heartbeat_interval")),
    version: String(get(body, "version")),
    clientsUrl: String(get(body, "clients_url") ?? "."),
  };
}

/** A token of the mock issuer. */
export async function logIn({ clientsUrl, ...who }: Login): Promise<string> {
  const answer = await readJson(await post(`${clientsUrl}/login`, loginBodyOf(who)));
  return String(get(answer, "token"));
}

/** What is sent to log in. */
export function loginBodyOf({ user, channels, expiresInS }: Omit<Login, "clientsUrl">): string {
  return JSON.stringify({ user, password: PASSWORD, channels, expires_in: expiresInS });
}

/** What is sent to publish. */
export function bodyOf({ target, author, contentJson }: Omit<Publication, "key">): string {
  const head = JSON.stringify({ ...target === "everyone" ? {} : target, author });
  return `${head.slice(0, -1)},"content":${contentJson}}`;
}

/** Publishes; resolves once the gateway keeps the message. */
export async function publish(publication: Publication): Promise<Receipt> {
  const body = bodyOf(publication);
  const answer = await readJson(await post("messages", body, publication.key));
  return { id: String(get(answer, "id")), time: Number(get(answer, "time")) };
}

/** Closes all connections of a user, with 4010; resolves to how many there were. */
export async function disconnectUser(user: string, key: string): Promise<number> {
  const headers = { authorization: `Bearer ${key}` };
  const path = `users/${encodeURIComponent(user)}/connections`;
  return Number(
    get(await readJson(await request(path, { method: "DELETE", headers })), "disconnected"),
  );
}

/** The whole URL of a route below `base`, which is the page's folder or a URL without a path. */
export function urlOf(route: string, base = "."): string {
  return new URL(`${base}/${route}`, location.href).href;
}

/** What the gateway counts, in the text format of Prometheus. */
export async function fetchMetrics(signal: AbortSignal): Promise<string> {
  return await (await request("metrics", { signal })).text();
}

function post(path: string, body: string, key?: string): Promise<Response> {
  const headers = new Headers({ "content-type": "application/json" });
  if (key !== undefined) headers.set("authorization", `Bearer ${key}`);
  return request(path, { method: "POST", headers, body });
}

/** @throws {ProblemError} for an answer that is none of success; {@linkcode NoAnswerError} where there is none */
async function request(path: string, init?: RequestInit): Promise<Response> {
  const response = await fetch(path, { credentials: "omit", ...init }).catch(() => {
    throw new NoAnswerError("No answer: is the gateway running?");
  });
  if (response.ok) return response;
  throw new ProblemError(await problemOf(response));
}

/** The answer's own words, and where in the request they belong. */
async function problemOf(response: Response): Promise<string> {
  const status = `${response.status} ${response.statusText}`.trim();
  const problem = await readJson(response).catch(() => undefined);
  const [code, detail, errors] = ["code", "detail", "errors"].map((name) => get(problem, name));
  if (typeof detail !== "string") return `The gateway answered ${status}.`;
  const places = Array.isArray(errors) ? errors.map(placeOf) : [];
  return [`${status} (${String(code)}): ${detail}`, ...places].join("\n");
}

function placeOf(error: unknown): string {
  const place = get(error, "pointer") ?? get(error, "parameter") ?? "";
  return `${String(place)} ${String(get(error, "detail"))}`.trim();
}

async function readJson(response: Response): Promise<unknown> {
  return await response.json();
}

function get(value: unknown, name: string): unknown {
  return value instanceof Object ? Reflect.get(value, name) : undefined;
}
