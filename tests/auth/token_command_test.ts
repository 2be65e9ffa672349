/**
 * The command `token`: its verdict is the verifier's, and it explains the fault and the fix.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  createVerifier,
  runTokenCommand,
  sharedSecret,
  type TokenSettings,
} from "../../auth/mod.ts";
import { OperationalError } from "../../gateway/errors.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { TOKEN_FAULTS, type TokenFault } from "../../mock/issuer.ts";
import { world } from "./support.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const LIMITS = { clockToleranceMs: 0, maxFrameBytes: 4096 };
const URL_OF_KEYS = new URL("https://login.example/keys?key=secret");

/** The command against a mock issuer's key set. */
async function againstKeySet(settings: Partial<TokenSettings> = {}) {
  const { clock, issuer, verifier } = await world();
  const readSettings = () => ({
    ...LIMITS,
    auth: { mode: "jwks", url: URL_OF_KEYS } as const,
    jwtIssuer: issuer.issuer,
    jwtAudience: issuer.audience,
    ...settings,
  });
  const check = (token: string) =>
    runTokenCommand(["check", "-"], {
      readSettings,
      createVerifier: () => Promise.resolve(verifier),
      readStdin: () => Promise.resolve(`${token}\n`),
      clock,
    });
  return { clock, issuer, check };
}

/** The command with a shared secret. */
function withSecret(args: readonly string[], settings: Partial<TokenSettings> = {}, stdin = "") {
  const clock = new FakeClock();
  const auth = { mode: "secret", secret: SECRET } as const;
  return runTokenCommand(args, {
    readSettings: (): TokenSettings => ({ ...LIMITS, auth, ...settings }),
    createVerifier: ({ auth, jwtIssuer: issuer, jwtAudience: audience }, { previousUsed }) => {
      const previous = auth.mode === "secret" ? auth.previous : undefined;
      const keys = sharedSecret(SECRET, { previous, previousUsed });
      return Promise.resolve(createVerifier(keys, { clock, issuer, audience }));
    },
    readStdin: () => Promise.resolve(stdin),
    clock,
  });
}

const WHY: Readonly<Record<TokenFault, RegExp>> = {
  expired: /^it expired at \d{4}-.*Z, 60 s ago$/,
  not_yet_valid: /^it is valid from \d{4}-.*Z, in 60 s$/,
  wrong_signature: /^it was signed with another key than the one published under its kid/,
  tampered: /^it was signed with another key .*, or changed afterwards$/,
  other_audience: /^its "aud" is "another-service", expected "emagine-gateway"$/,
  other_issuer:
    /^its "iss" is "https:\/\/another.invalid", expected "https:\/\/mock.emagine.invalid"$/,
  alg_none: /^its "alg" is "none", and with GATEWAY_JWKS_URL only RS, PS, ES and EdDSA/,
  key_confusion: /^its "alg" is "HS256", and with GATEWAY_JWKS_URL only/,
  unknown_key:
    /^no key at https:\/\/login.example\/keys\S* fits its "kid" "key\S*" and "alg" "EdDSA"$/,
  unknown_extension: /^its header has "crit": \["emagine"\], which/,
  no_expiry: /^it has no "exp"$/,
  endless: /^its "exp" is 1e\+300, which is no date$/,
  no_subject: /^it has no "sub"$/,
  empty_subject: /^its "sub" is ""; 1 to 255 characters/,
  bad_channels: /^its "channels" are "general", expected an array of names: 1 to 255/,
  truncated: /^it has 2 of 3 parts that are separated by dots$/,
};

Deno.test("token check says of each fault why, and what to change, without the token", async () => {
  const { issuer, check } = await againstKeySet();
  for (const fault of Object.keys(TOKEN_FAULTS) as TokenFault[]) {
    const token = await issuer.token({ user: "alice", fault });
    const { text, error, code } = await check(token);
    assert.deepEqual([code, error], [1, undefined], fault);
    const [refused = "", why = "", change = "", ...more] = text.split("\n");
    assert.match(refused, /^refused: the (?:token|issuer publishes)/, fault);
    assert.match(why.replace("why: ", ""), WHY[fault], fault);
    assert.match(change, /^change: [A-Z].*\.$/, fault);
    assert.deepEqual(more, []);
    for (const part of token.split(".")) assert.ok(part === "" || !text.includes(part), fault);
    assert.ok(!text.includes("key=secret"));
  }
});

Deno.test("token check explains claims of the wrong kind, and what is missing", async () => {
  const { issuer, check } = await againstKeySet();
  for (
    const [claims, expected] of [
      [{ exp: "2000000000" }, 'its "exp" is "2000000000", expected a number'],
      [{ nbf: "1" }, 'its "nbf" is "1", expected a number'],
      [{ iat: null }, 'its "iat" is null, expected a number'],
      [
        { iss: undefined },
        'it has no "iss", but GATEWAY_JWT_ISSUER is "https://mock.emagine.invalid"',
      ],
      [{ aud: undefined }, 'it has no "aud", but GATEWAY_JWT_AUDIENCE is "emagine-gateway"'],
      [{ channels: Array(1001).fill("a") }, "it has 1001 channels, at most 1000 are accepted"],
    ] as const
  ) {
    const { text, code } = await check(await issuer.token({ claims }));
    assert.equal(code, 1);
    assert.equal(text.split("\n")[1], `why: ${expected}`);
  }
});

Deno.test("token check tells what came instead of a token", async () => {
  const { issuer, check } = await againstKeySet();
  const token = await issuer.token();
  const [header, claims] = token.split(".");
  for (
    const [text, expected] of [
      [`Bearer ${token}`, /begins with "Bearer "/],
      [`"${token}"`, /quotes/],
      ["", /has 1 of 3 parts/],
      ["2YotnFZFEjr1zCsicMWpAA", /has 1 of 3 parts.*\n.*opaque access token/],
      ["a.b.c.d.e", /is encrypted/],
      ["a.b.c", /not JSON in Base64url/],
      [`${header}.${claims}.`, /signature/],
    ] as const
  ) {
    const result = await check(text);
    assert.equal(result.code, 1, text);
    assert.match(result.text, expected);
  }
});

Deno.test("token check accepts what the gateway accepts, with user, channels and time left", async () => {
  const { clock, issuer, check } = await againstKeySet();
  const token = await issuer.token({ user: "alice", channels: ["a", "b"], expiresInS: 240 });
  clock.jumpWall(60_000);
  assert.deepEqual(await check(token), {
    text: 'accepted: user "alice", channels "a", "b", for another 3 min',
    code: 0,
  });
});

Deno.test("token check refuses a token that does not fit into a frame", async () => {
  const { issuer, check } = await againstKeySet({ maxFrameBytes: 100 });
  const { text, code } = await check(await issuer.token());
  assert.equal(code, 1);
  assert.match(text, /has \d+ bytes, GATEWAY_MAX_FRAME_BYTES is 100/);
});

Deno.test("token new makes what token check accepts, also with issuer and audience", async () => {
  for (const settings of [{}, { jwtIssuer: "https://login.example", jwtAudience: "chat" }]) {
    const args = ["new", "--user", "alice", "--channel", "general", "--channel=b"];
    const made = await withSecret([...args, "--expires-in=60"], settings);
    assert.equal(made.code, 0, made.error);
    const checked = await withSecret(["check", made.text], settings);
    assert.equal(
      checked.text,
      'accepted: user "alice", channels "general", "b", for another 60 s',
    );
    const piped = await withSecret(["check", "-"], settings, `${made.text}\n`);
    assert.deepEqual(piped, checked);
  }
});

Deno.test("token check with a secret tells another secret from another algorithm", async () => {
  const { issuer } = await world();
  const { text } = await withSecret(["check", await issuer.token()]);
  assert.match(text, /"alg" is "EdDSA", and with GATEWAY_JWT_SECRET only HS256/);
  const made = await withSecret(["new", "--user=alice"], {
    auth: { mode: "secret", secret: "another-secret-of-more-than-32-bytes" },
  });
  const other = await withSecret(["check", made.text]);
  assert.match(other.text, /signed with another secret than GATEWAY_JWT_SECRET/);
});

Deno.test("token check accepts the previous secret, and says that the token is signed with it", async () => {
  const previous = "the secret that was there before it";
  const auth = { mode: "secret", secret: SECRET, previous } as const;
  const [old, fresh, other] = await Promise.all(
    [previous, SECRET, "another-secret-of-more-than-32-bytes"].map(async (secret) => {
      const made = { auth: { mode: "secret", secret } } as const;
      return (await withSecret(["new", "--user=alice"], made)).text;
    }),
  );
  const checked = await withSecret(["check", old ?? ""], { auth });
  assert.equal(checked.code, 0);
  assert.match(
    checked.text,
    /^accepted: user "alice".*\nnote: it is signed with GATEWAY_JWT_SECRET_PREVIOUS\. Sign with/,
  );
  assert.doesNotMatch((await withSecret(["check", fresh ?? ""], { auth })).text, /note/);
  assert.match(
    (await withSecret(["check", other ?? ""], { auth })).text,
    /another secret than GATEWAY_JWT_SECRET and GATEWAY_JWT_SECRET_PREVIOUS, or changed/,
  );
  const made = await withSecret(["new", "--user=alice"], { auth });
  assert.doesNotMatch((await withSecret(["check", made.text], { auth })).text, /note/);
});

Deno.test("token exits with 2 and one reason when it cannot do its work", async () => {
  const mock = { auth: { mode: "mock" } } as const;
  const jwks = { auth: { mode: "jwks", url: URL_OF_KEYS } } as const;
  for (
    const [args, settings, expected] of [
      [[], {}, /expected "check" or "new"/],
      [["chek"], {}, /expected "check" or "new"/],
      [["check"], {}, /takes one token/],
      [["check", "a", "b"], {}, /takes one token/],
      [["check", "a.b.c"], mock, /nothing to check against/],
      [["new", "--user", "a"], mock, /POST \/login/],
      [["new", "--user", "a"], jwks, /only the issuer can make tokens/],
      [["new"], {}, /--user is missing/],
      [["new", "--user", "a", "--channel", ""], {}, /--channel is no name/],
      [["new", "--user", "a", "--expires-in", "1h"], {}, /--expires-in is no number/],
      [["new", "--usr", "a"], {}, /--usr/],
    ] as [string[], Partial<TokenSettings>, RegExp][]
  ) {
    const { text, error = "", code } = await withSecret(args, settings);
    assert.deepEqual([text, code], ["", 2], args.join(" "));
    assert.match(error, expected);
  }
  const unreachable = await runTokenCommand(["check", "a.b.c"], {
    readSettings: () => ({ ...LIMITS, ...jwks }),
    createVerifier: () =>
      Promise.resolve({
        verify: () =>
          Promise.reject(
            new OperationalError("issuer_unreachable", "the issuer's keys cannot be fetched", {
              cause: new Error("connection refused"),
            }),
          ),
      }),
    readStdin: () => Promise.resolve(""),
    clock: new FakeClock(),
  });
  assert.equal(unreachable.code, 2);
  assert.match(unreachable.error ?? "", /keys cannot be fetched: connection refused$/);
});
