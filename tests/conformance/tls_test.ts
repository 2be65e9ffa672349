/**
 * TLS from files, and their renewal while the gateway runs.
 *
 * @module
 */

import assert from "node:assert/strict";
import tls from "node:tls";
import { GatewayProcess, runToEnd, type Settings, TRANSPORT } from "./support/process.ts";
import { RawClient } from "./support/raw_client.ts";
import { processTest, skip } from "./support/suite.ts";
import { eventually, within } from "./support/wait.ts";

/** A certificate and its key in files that a test replaces. */
class Files implements AsyncDisposable {
  readonly #directory: string;
  readonly #cert: string;
  readonly #key: string;
  readonly settings: Settings;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#cert = `${directory}/cert.pem`;
    this.#key = `${directory}/key.pem`;
    this.settings = { GATEWAY_TLS_CERT: this.#cert, GATEWAY_TLS_KEY: this.#key };
  }

  /** @param name the common name of the certificate */
  static async create(name: string): Promise<Files> {
    const files = new Files(await Deno.makeTempDir());
    await files.renew(name);
    return files;
  }

  get certificate(): string {
    return Deno.readTextFileSync(this.#cert);
  }

  async renew(name: string): Promise<void> {
    const { success, stderr } = await new Deno.Command("openssl", {
      args: [
        ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(" "),
        ...["-keyout", this.#key, "-out", this.#cert, "-subj", `/CN=${name}`],
        ...["-addext", "subjectAltName=IP:127.0.0.1"],
        ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ],
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
  }

  /** Renews the certificate and leaves the key of the one before. */
  async renewCertificateAlone(name: string): Promise<void> {
    const key = await Deno.readTextFile(this.#key);
    await this.renew(name);
    await Deno.writeTextFile(this.#key, key);
  }

  async removeKey(): Promise<void> {
    await Deno.remove(this.#key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true });
  }
}

/** The common name of the certificate that a new connection to `url` gets. */
async function nameAt(url: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const port = Number(new URL(url).port);
  const socket = tls.connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
    resolve(String(socket.getPeerCertificate().subject.CN));
  });
  socket.on("error", reject);
  try {
    return await within(`a handshake with ${url}`, promise);
  } finally {
    socket.destroy();
  }
}

async function untilNameAt(url: string, name: string): Promise<void> {
  await eventually(`the certificate of ${name} at ${url}`, async () => {
    // A listener that is being replaced refuses connections for a moment.
    return await nameAt(url).catch(() => "") === name ? true : undefined;
  });
}

/** Asserts that the connection is alive. */
async function beats(client: RawClient, time: number): Promise<void> {
  await client.json({ op: 10, time });
  assert.deepEqual(await client.nextJson("the ACK"), { op: 11, time });
}

async function connect(gateway: GatewayProcess, files: Files): Promise<RawClient> {
  const client = await RawClient.connect(gateway.wsUrl, { caCerts: [files.certificate] });
  assert.equal((await client.nextJson("Hello"))["op"], 0);
  return client;
}

async function apiOf(gateway: GatewayProcess): Promise<string> {
  return JSON.parse(await gateway.logLine('"listening"')).fields.api;
}

/** A test of the `node` transport, which a binary with an older Deno does not have. */
function nodeTest(name: string, run: () => Promise<void>): void {
  if (TRANSPORT === "node") processTest(name, run);
  else skip(name, "needs CONFORMANCE_TRANSPORT=node");
}

processTest("TLS from files serves HTTPS and WSS", async () => {
  await using files = await Files.create("one");
  await using gateway = await GatewayProcess.start({ settings: files.settings });
  assert.match(gateway.url, /^https:/);
  using client = await connect(gateway, files);
  await beats(client, 1);
  using http = Deno.createHttpClient({ caCerts: [files.certificate] });
  const response = await fetch(`${gateway.url}/health`, { client: http });
  assert.equal(response.status, 200);
  await response.body?.cancel();
});

nodeTest(
  "SIGHUP uses a renewed certificate on both ports, and open connections stay",
  async () => {
    await using files = await Files.create("one");
    await using gateway = await GatewayProcess.start({
      settings: { ...files.settings, GATEWAY_TRANSPORT: "node", GATEWAY_API_PORT: "0" },
    });
    const api = await apiOf(gateway);
    assert.deepEqual([await nameAt(gateway.url), await nameAt(api)], ["one", "one"]);
    using client = await connect(gateway, files);
    for (const name of ["two", "three"]) {
      await files.renew(name);
      gateway.signal("SIGHUP");
      await untilNameAt(gateway.url, name);
      await untilNameAt(api, name);
      await beats(client, 1);
      using fresh = await connect(gateway, files);
      await beats(fresh, 2);
    }
    assert.match(await gateway.logLine("TLS certificate reloaded"), /"expires":"20\d\d-.*Z"/);
    const stopped = gateway.end("SIGTERM");
    assert.equal((await client.closeFrame()).code, 1012);
    assert.equal((await stopped).code, 0);
  },
);

nodeTest(
  "a request in progress on the API port is answered when its certificate is renewed",
  async () => {
    await using files = await Files.create("one");
    await using gateway = await GatewayProcess.start({
      settings: { ...files.settings, GATEWAY_TRANSPORT: "node", GATEWAY_API_PORT: "0" },
    });
    const api = await apiOf(gateway);
    using http = Deno.createHttpClient({ caCerts: [files.certificate] });
    const body = new TransformStream<Uint8Array<ArrayBuffer>>();
    const writer = body.writable.getWriter();
    const answer = fetch(`${api}/messages`, {
      method: "POST",
      client: http,
      headers: { authorization: "Bearer dev", "content-type": "application/json" },
      body: body.readable,
    });
    const encoder = new TextEncoder();
    await writer.write(encoder.encode('{"user":"nobody","author":"1",'));
    await files.renew("two");
    gateway.signal("SIGHUP");
    await untilNameAt(api, "two");
    await writer.write(encoder.encode('"content":"late"}'));
    await writer.close();
    const response = await within("the answer", answer);
    assert.equal(response.status, 201);
    await response.body?.cancel();
  },
);

nodeTest("a pair that cannot be used changes nothing, and the log says why", async () => {
  await using files = await Files.create("one");
  await using gateway = await GatewayProcess.start({
    settings: { ...files.settings, GATEWAY_TRANSPORT: "node" },
  });
  using client = await connect(gateway, files);
  await files.renewCertificateAlone("two");
  gateway.signal("SIGHUP");
  const mismatch = await gateway.logLine("is not the private key of the certificate");
  assert.match(mismatch, /TLS certificate not reloaded; the previous one is in use/);
  assert.match(mismatch, /GATEWAY_TLS_KEY names/);
  await files.removeKey();
  gateway.signal("SIGHUP");
  assert.match(await gateway.logLine("cannot be read"), /GATEWAY_TLS_KEY names/);
  assert.equal(await nameAt(gateway.url), "one");
  await beats(client, 1);
  await files.renew("three");
  gateway.signal("SIGHUP");
  await untilNameAt(gateway.url, "three");
});

processTest("the deno transport renews only while no WebSocket is open, and says so", async () => {
  await using files = await Files.create("one");
  await using gateway = await GatewayProcess.start({
    settings: { ...files.settings, GATEWAY_TRANSPORT: "deno" },
  });
  using http = Deno.createHttpClient({ caCerts: [files.certificate] });
  {
    using client = await connect(gateway, files);
    await files.renew("two");
    gateway.signal("SIGHUP");
    const line = await gateway.logLine("TLS certificate not reloaded");
    assert.match(line, /deno cannot use another certificate while WebSockets are open \(1\)/);
    assert.equal(await nameAt(gateway.url), "one");
    await beats(client, 1);
  }
  await eventually("the end of the connection", async () => {
    const metrics = await (await fetch(`${gateway.url}/metrics`, { client: http })).text();
    return /^gateway_closes_total\{code="peer"\} 1$/m.test(metrics) ? true : undefined;
  });
  gateway.signal("SIGHUP");
  await untilNameAt(gateway.url, "two");
  using fresh = await connect(gateway, files);
  await beats(fresh, 2);
});

nodeTest("a key that is not the certificate's stops the start, on both transports", async () => {
  await using files = await Files.create("one");
  await files.renewCertificateAlone("two");
  for (const transport of ["node", "deno"]) {
    const settings = { ...files.settings, GATEWAY_TRANSPORT: transport };
    const { code, stderr } = await runToEnd(settings, []);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^emagine-gateway: GATEWAY_TLS_KEY names .* is not the private key of the certificate in GATEWAY_TLS_CERT\n$/,
    );
  }
});
