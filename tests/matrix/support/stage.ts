/**
 * The counterpart of the client under test: a gateway on a real port, which is killed, restarted, frozen and
 * thawed as the scenario in `project/` asks, and the events that the scenario reports.
 *
 * @module
 */

import { claims, shared, sign } from "../../conformance/support/issuer.ts";
import { GatewayProcess } from "../../conformance/support/process.ts";

/** Shared with the app's backend, so that a token outlives the gateway. */
const SECRET = "0123456789abcdef0123456789abcdef";
const USER = "alice";

/** A gateway and its controls. */
export class Stage implements AsyncDisposable {
  readonly seen: string[] = [];
  /** Each time from the gateway listening again until the client was ready. */
  readonly readyAfterMs: number[] = [];
  /** Each time from the kill until the client was ready. */
  readonly awayMs: number[] = [];
  readonly #dataDir: string;
  readonly token: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #gateway: GatewayProcess;
  #killedAt = 0;
  #restartedAt: number | undefined;

  private constructor(dataDir: string, token: string, gateway: GatewayProcess) {
    this.#dataDir = dataDir;
    this.token = token;
    this.#gateway = gateway;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        if (request.method === "GET") {
          return new Response("", { headers: { "content-type": "text/html" } });
        }
        await this.act(await request.text());
        return new Response(null, { status: 204 });
      },
    );
  }

  /** Starts a gateway on a free port. */
  static async start(): Promise<Stage> {
    const dataDir = await Deno.makeTempDir();
    const token = await sign(claims({ sub: USER }), shared(SECRET));
    return new Stage(dataDir, token, await startGateway(dataDir));
  }

  /** The URL for the client. */
  get url(): string {
    return this.#gateway.wsUrl;
  }

  /** An empty page on loopback; {@linkcode act} executes what is posted there. */
  get pageUrl(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** The environment of a program that runs the scenario. */
  get env(): Readonly<Record<string, string>> {
    return {
      MATRIX_URL: this.url,
      MATRIX_TOKEN: this.token,
      MATRIX_HARNESS: this.pageUrl,
    };
  }

  /** Executes an action of the scenario. */
  async act(what: string): Promise<void> {
    const verb = what.split(" ", 1)[0] ?? "";
    const { pid } = this.#gateway;
    switch (verb) {
      case "saw":
        return this.#saw(what.slice(4));
      case "publish":
        return await this.#publish(what.slice(8));
      case "restart":
        this.#killedAt = performance.now();
        await this.#restart();
        this.#restartedAt = performance.now();
        return await this.#publish("missed");
      case "freeze":
        return Deno.kill(pid, "SIGSTOP");
      case "thaw":
        Deno.kill(pid, "SIGCONT");
        return await this.#publish("missed");
      default:
        throw new Error(`the scenario asks for "${what}"`);
    }
  }

  #saw(what: string): void {
    this.seen.push(what);
    if (!what.startsWith("ready") || this.#restartedAt === undefined) return;
    this.readyAfterMs.push(Math.round(performance.now() - this.#restartedAt));
    this.awayMs.push(Math.round(performance.now() - this.#killedAt));
    this.#restartedAt = undefined;
  }

  async #publish(content: string): Promise<void> {
    await this.#gateway.backend.publish({ user: USER, author: "bob", content });
  }

  async #restart(): Promise<void> {
    const port = new URL(this.url).port;
    await this.#gateway.end("SIGKILL");
    this.#gateway = await startGateway(this.#dataDir, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateway[Symbol.asyncDispose]();
    await this.#server.shutdown();
    await Deno.remove(this.#dataDir, { recursive: true });
  }
}

async function startGateway(dataDir: string, port = "0"): Promise<GatewayProcess> {
  return await GatewayProcess.start({
    dataDir,
    settings: {
      GATEWAY_PORT: port,
      GATEWAY_JWT_SECRET: SECRET,
      GATEWAY_PUBLISH_KEY: "a-key-of-the-backend",
    },
  });
}
