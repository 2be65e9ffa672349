/**
 * The start: faults that stop it with exit code 1 and one line that names the cause; `--help` and `--version`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayProcess, ROOT, runToEnd, type Settings } from "./support/process.ts";
import { RawClient } from "./support/raw_client.ts";
import { processTest } from "./support/suite.ts";

/** The number of gateways that start at a time. */
const ABREAST = 4;

interface Bad {
  readonly settings?: Settings;
  readonly args?: readonly string[];
  readonly names: string;
}

const PUBLISH_KEY = "0123456789abcdef";
const SECRET = "0123456789abcdef0123456789abcdef";

const BAD: Readonly<Record<string, Bad>> = {
  "an unknown variable": { settings: { GATEWAY_PROT: "8000" }, names: "GATEWAY_PROT" },
  "a word for a number": { settings: { GATEWAY_PORT: "eighty" }, names: "GATEWAY_PORT" },
  "a number out of range": { settings: { GATEWAY_PORT: "70000" }, names: "GATEWAY_PORT" },
  "a number that is not whole": {
    settings: { GATEWAY_HEARTBEAT_INTERVAL_MS: "1.5" },
    names: "GATEWAY_HEARTBEAT_INTERVAL_MS",
  },
  "a negative number": { settings: { GATEWAY_DRAIN_MS: "-1" }, names: "GATEWAY_DRAIN_MS" },
  "a word that is no choice": { settings: { GATEWAY_LOG: "paper" }, names: "GATEWAY_LOG" },
  "a URL that is none": { settings: { GATEWAY_JWKS_URL: "keys" }, names: "GATEWAY_JWKS_URL" },
  "an unknown flag": { args: ["--prot=8000"], names: "--prot" },
  "a flag with a bad value": { args: ["--port=eighty"], names: "--port" },
  "a missing key file": {
    settings: { GATEWAY_TLS_CERT: `${ROOT}/LICENSE`, GATEWAY_TLS_KEY: "/no/such/key.pem" },
    names: "GATEWAY_TLS_KEY",
  },
  "a certificate without its key": {
    settings: { GATEWAY_TLS_CERT: `${ROOT}/LICENSE` },
    names: "GATEWAY_TLS_KEY",
  },
  "files that are no certificate": {
    settings: { GATEWAY_TLS_CERT: `${ROOT}/deno.json`, GATEWAY_TLS_KEY: `${ROOT}/deno.json` },
    names: "GATEWAY_TLS_CERT",
  },
  "the mock issuer beyond loopback": {
    settings: { GATEWAY_HOST: "0.0.0.0" },
    names: "GATEWAY_HOST",
  },
  "a real issuer without a publish key": {
    settings: { GATEWAY_JWT_SECRET: SECRET },
    names: "GATEWAY_PUBLISH_KEY",
  },
  "a short secret": {
    settings: { GATEWAY_JWT_SECRET: "swordfish", GATEWAY_PUBLISH_KEY: PUBLISH_KEY },
    names: "GATEWAY_JWT_SECRET",
  },
  "a secret in quotes": {
    settings: { GATEWAY_JWT_SECRET: `"${SECRET}"`, GATEWAY_PUBLISH_KEY: PUBLISH_KEY },
    names: "GATEWAY_JWT_SECRET",
  },
  "a line break after a publish key": {
    settings: { GATEWAY_JWT_SECRET: SECRET, GATEWAY_PUBLISH_KEY: `${PUBLISH_KEY}\n` },
    names: "GATEWAY_PUBLISH_KEY",
  },
  "a directory that a shell should have expanded": {
    settings: { GATEWAY_DATA_DIR: "~/data" },
    names: "GATEWAY_DATA_DIR",
  },
  "a password in the URL of NATS": {
    settings: { GATEWAY_NATS_URL: "nats://me:swordfish@127.0.0.1:4222" },
    names: "GATEWAY_NATS_URL",
  },
  "an origin with a wildcard in its middle": {
    settings: { GATEWAY_ALLOWED_ORIGINS: "https://a.*.example.com" },
    names: "GATEWAY_ALLOWED_ORIGINS",
  },
  "two kinds of issuer": {
    settings: {
      GATEWAY_JWT_SECRET: SECRET,
      GATEWAY_JWKS_URL: "https://issuer.example/keys",
      GATEWAY_PUBLISH_KEY: PUBLISH_KEY,
    },
    names: "GATEWAY_JWKS_URL",
  },
  "a data directory that cannot be made": {
    settings: { GATEWAY_DATA_DIR: `${ROOT}/deno.json/data` },
    names: `${ROOT}/deno.json/data`,
  },
};

processTest("a bad option stops the start with one line that names it", async () => {
  const scratch = await Deno.makeTempDir();
  try {
    const cases = Object.entries(BAD);
    while (cases.length > 0) {
      await Promise.all(
        cases.splice(0, ABREAST).map(([what, { settings, args, names }]) =>
          refusesToStart({
            what,
            settings: { GATEWAY_DATA_DIR: `${scratch}/data`, GATEWAY_PORT: "0", ...settings },
            args: args ?? [],
            names,
          })
        ),
      );
    }
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
});

processTest("a port that is taken stops the start", async () => {
  const scratch = await Deno.makeTempDir();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const GATEWAY_PORT = String(listener.addr.port);
  try {
    await refusesToStart({
      what: "a taken port",
      settings: { GATEWAY_PORT, GATEWAY_DATA_DIR: scratch },
      args: [],
      names: GATEWAY_PORT,
    });
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
});

processTest("a second process on the same data directory does not start", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    await using first = await GatewayProcess.start({ dataDir });
    await refusesToStart({
      what: "a data directory in use",
      settings: { GATEWAY_PORT: "0", GATEWAY_DATA_DIR: dataDir },
      args: [],
      names: dataDir,
    });
    await first.backend.publish({ author: "1", content: "the first goes on" });
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

processTest("a file that is no log of ours stops the start and is left alone", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    {
      await using gateway = await GatewayProcess.start({ dataDir });
      await gateway.backend.publish({ author: "1", content: "kept" });
      assert.equal((await gateway.end("SIGTERM")).code, 0);
    }
    const files = [...Deno.readDirSync(dataDir)].map(({ name }) => `${dataDir}/${name}`);
    const file = files.find((path) => Deno.readTextFileSync(path).startsWith("SQLite format 3"));
    assert.ok(file !== undefined, `a SQLite file among ${files}`);
    const garbage = "this is no database ".repeat(1000);
    Deno.writeTextFileSync(file, garbage);
    await refusesToStart({
      what: "a corrupt file",
      settings: { GATEWAY_PORT: "0", GATEWAY_DATA_DIR: dataDir },
      args: [],
      names: file,
    });
    assert.equal(Deno.readTextFileSync(file), garbage);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

processTest("--help lists every variable, --version says which this is", async () => {
  const help = await runToEnd({}, ["--help"]);
  assert.equal(help.code, 0);
  for (const variable of ["GATEWAY_PORT", "GATEWAY_JWKS_URL", "GATEWAY_DRAIN_MS"]) {
    assert.ok(help.stdout.includes(variable), variable);
  }
  const version = await runToEnd({}, ["--version"]);
  assert.equal(version.code, 0);
  assert.match(version.stdout, /\b\d+\.\d+\.\d+/);
  // `--help` starts nothing, so a bad option does not matter.
  assert.equal((await runToEnd({ GATEWAY_PROT: "1" }, ["--help"])).code, 0);
});

processTest("options are read behind a --, as runners of tasks pass them on", async () => {
  const args = ["--", "--heartbeat-interval-ms=3000", "--log-level", "info"];
  await using gateway = await GatewayProcess.start({ args });
  using client = await RawClient.connect(gateway.wsUrl);
  assert.deepEqual(await client.nextJson("Hello"), { op: 0, heartbeat_interval: 3000 });
});

processTest("an interval at which clients exceed the limit of frames is warned of", async () => {
  for (const args of [[], ["--mock"]]) {
    const settings = { GATEWAY_HEARTBEAT_INTERVAL_MS: "500" };
    await using gateway = await GatewayProcess.start({ settings, args });
    assert.match(await gateway.logLine("interval is too short"), /"heartbeatIntervalMs":500/);
  }
  await using gateway = await GatewayProcess.start();
  assert.ok(!gateway.log.some((line) => line.includes("interval is too short")));
});

/** Asserts exit code 1 after one line that contains `names` and no secret. */
async function refusesToStart(
  { what, settings, args, names }: {
    readonly what: string;
    readonly settings: Settings;
    readonly args: readonly string[];
    readonly names: string;
  },
): Promise<void> {
  const { code, stdout, stderr } = await runToEnd(settings, args);
  const lines = (stdout + stderr).split("\n").filter((line) => line.trim() !== "");
  const seen = `${what}: exit code ${code}\n${lines.join("\n")}`;
  assert.equal(code, 1, seen);
  assert.equal(lines.length, 1, seen);
  assert.ok(lines[0]?.includes(names), seen);
  for (const secret of [SECRET, PUBLISH_KEY, "swordfish"]) {
    assert.ok(!lines[0]?.includes(secret), `${what}: shows a secret`);
  }
}
