/**
 * The command `token`: `token check` says whether this gateway would take a token and, if not, why;
 * `token new` signs one with the shared secret. Prints no token but a new one, and logs none.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { SignJWT } from "jose";
import { OperationalError } from "../gateway/errors.ts";
import type { Clock, TokenVerifier } from "../gateway/ports.ts";
import { isName, NAME_RULE } from "../gateway/protocol/names.ts";
import { redactUrl, redactUrls } from "../gateway/redact_url.ts";
import { toError } from "../gateway/util.ts";
import { duration, explain } from "./explain.ts";
import type { PreviousSecret } from "./verifier.ts";

/** The configuration of the gateway that concerns tokens. */
export interface TokenSettings {
  readonly auth:
    | { readonly mode: "mock" }
    | { readonly mode: "secret"; readonly secret: string; readonly previous?: string }
    | { readonly mode: "jwks"; readonly url: URL };
  readonly jwtIssuer?: string | undefined;
  readonly jwtAudience?: string | undefined;
  readonly clockToleranceMs: number;
  readonly maxFrameBytes: number;
}

export interface TokenCommandDeps<Settings extends TokenSettings = TokenSettings> {
  readonly readSettings: () => Settings;
  /** The verifier that a gateway with these settings has, and what it calls. */
  readonly createVerifier: (
    settings: Settings,
    events: Required<Pick<PreviousSecret, "previousUsed">>,
  ) => Promise<TokenVerifier>;
  readonly readStdin: () => Promise<string>;
  readonly clock: Clock;
}

/** The output and the exit code. */
export interface CommandResult {
  /** For standard output. */
  readonly text: string;
  /** For standard error. */
  readonly error?: string;
  /** 0: made or accepted; 1: refused; 2: neither, because of the arguments, the options or the issuer. */
  readonly code: 0 | 1 | 2;
}

const USAGE = `Usage:
  emagine-gateway token check -              check the token on standard input
  emagine-gateway token check <token>        the same; arguments are visible to every user (ps)
  emagine-gateway token new --user <name> [--channel <name>]... [--expires-in <seconds>]
                                             print a token signed with GATEWAY_JWT_SECRET

Whether a token was revoked is known to the running gateways only, and not checked.
Options of the gateway are read from the environment. Exit codes: 0 made or accepted, 1 refused,
2 could not be made or checked.`;

const DEFAULT_EXPIRES_IN_S = 3600;
/** As long as a message id can be; a client that resumes sends one with its token. */
const ANY_ID = "0".repeat(64);

/** @param args the arguments after `token` */
export async function runTokenCommand<Settings extends TokenSettings>(
  args: readonly string[],
  deps: TokenCommandDeps<Settings>,
): Promise<CommandResult> {
  const [command, ...rest] = args.filter((arg) => arg !== "--");
  try {
    if (command === "check") return await check(rest, deps);
    if (command === "new") return await create(rest, deps);
    if (command === "--help" || command === "-h") return { text: USAGE, code: 0 };
    throw failure(`expected "check" or "new" after "token"\n\n${USAGE}`);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { text: "", error: `emagine-gateway: ${redactUrls(messages(error))}`, code: 2 };
  }
}

async function check<Settings extends TokenSettings>(
  args: readonly string[],
  { readSettings, createVerifier, readStdin, clock }: TokenCommandDeps<Settings>,
): Promise<CommandResult> {
  const [given, ...more] = args;
  // Not repeated: it may be a part of the token.
  if (given === undefined || more.length > 0 || (given !== "-" && given.startsWith("-"))) {
    throw failure(`"token check" takes one token, or - for standard input\n\n${USAGE}`);
  }
  const settings = readSettings();
  const { auth, clockToleranceMs, maxFrameBytes } = settings;
  if (auth.mode === "mock") {
    throw failure(
      "neither GATEWAY_JWT_SECRET nor GATEWAY_JWKS_URL is set, so there is nothing to check " +
        "against. Set them as for the gateway. A development gateway's keys are at its " +
        "/.well-known/jwks.json: GATEWAY_JWKS_URL=http://127.0.0.1:8000/.well-known/jwks.json",
    );
  }
  let previous = false;
  const verifier = await createVerifier(settings, { previousUsed: () => previous = true });
  const token = given === "-" ? (await readStdin()).replace(/\r?\n$/, "") : given;
  const verdict = await verifier.verify(token);
  const now = clock.now();
  if (!verdict.ok) {
    const keys = auth.mode === "secret"
      ? { secret: true, previous: auth.previous !== undefined } as const
      : { secret: false, url: redactUrl(auth.url.href) } as const;
    const { jwtIssuer: issuer, jwtAudience: audience } = settings;
    const expected = { issuer, audience, clockToleranceMs, keys };
    const { why, change } = explain(verdict.reason, { token, expected, now });
    return { text: `refused: ${verdict.reason}\nwhy: ${why}\nchange: ${change}`, code: 1 };
  }
  const bytes = JSON.stringify({ op: 1, token, last_id: ANY_ID }).length;
  if (bytes > maxFrameBytes) {
    return {
      text: "refused: the token does not fit into a frame\n" +
        `why: an Identify with it has ${bytes} bytes, GATEWAY_MAX_FRAME_BYTES is ${maxFrameBytes}\n` +
        "change: Raise GATEWAY_MAX_FRAME_BYTES, or issue fewer claims and channels.",
      code: 1,
    };
  }
  const channels = verdict.channels.map((name) => JSON.stringify(name)).join(", ");
  const accepted = `accepted: user ${JSON.stringify(verdict.user)}, ` +
    `channels ${channels || "none"}, for another ${duration(verdict.expiresAt - now)}`;
  if (!previous) return { text: accepted, code: 0 };
  return {
    text: `${accepted}\nnote: it is signed with GATEWAY_JWT_SECRET_PREVIOUS. Sign with ` +
      "GATEWAY_JWT_SECRET before you remove that one.",
    code: 0,
  };
}

async function create<Settings extends TokenSettings>(
  args: readonly string[],
  { readSettings, clock }: TokenCommandDeps<Settings>,
): Promise<CommandResult> {
  const { user, channels, expiresInS } = readNewArgs(args);
  const { auth, jwtIssuer, jwtAudience } = readSettings();
  if (auth.mode === "mock") {
    throw failure(
      "GATEWAY_JWT_SECRET is not set. A development gateway makes tokens itself: POST /login",
    );
  }
  if (auth.mode === "jwks") {
    throw failure("with GATEWAY_JWKS_URL only the issuer can make tokens; it has the private key");
  }
  const issuedAt = Math.floor(clock.now() / 1000);
  const token = new SignJWT({ channels })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(user).setIssuedAt(issuedAt).setExpirationTime(issuedAt + expiresInS);
  if (jwtIssuer !== undefined) token.setIssuer(jwtIssuer);
  if (jwtAudience !== undefined) token.setAudience(jwtAudience);
  return { text: await token.sign(new TextEncoder().encode(auth.secret)), code: 0 };
}

function readNewArgs(args: readonly string[]): {
  readonly user: string;
  readonly channels: readonly string[];
  readonly expiresInS: number;
} {
  const { user, channel, expiresIn } = parseNewArgs(args);
  if (!isName(user)) throw failure(`--user is missing or no name: ${NAME_RULE}`);
  if (!channel.every(isName)) throw failure(`--channel is no name: ${NAME_RULE}`);
  const expiresInS = Number(expiresIn);
  if (!/^[1-9]\d{0,9}$/.test(expiresIn)) {
    throw failure("--expires-in is no number of seconds, expected 1 to 9999999999");
  }
  return { user, channels: channel, expiresInS };
}

function parseNewArgs(args: readonly string[]): {
  readonly user: string | undefined;
  readonly channel: readonly string[];
  readonly expiresIn: string;
} {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        user: { type: "string" },
        channel: { type: "string", multiple: true, default: [] },
        "expires-in": { type: "string", default: String(DEFAULT_EXPIRES_IN_S) },
      },
    });
    return { user: values.user, channel: values.channel, expiresIn: values["expires-in"] };
  } catch (error) {
    throw failure(`${toError(error).message}\n\n${USAGE}`);
  }
}

function failure(message: string): OperationalError {
  return new OperationalError("bad_configuration", message);
}

/** The messages of an error and its causes. */
function messages(error: Error): string {
  const { message, cause } = error;
  return cause === undefined ? message : `${message}: ${messages(toError(cause))}`;
}
