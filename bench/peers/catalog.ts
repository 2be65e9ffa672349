/**
 * The servers that are compared: how to start them, their protocols and publishers, and the reason if one
 * cannot run.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { command, ROOT } from "../../tests/conformance/support/process.ts";
import { SETTINGS } from "../support/deployment.ts";
import { firstLine, packageVersion } from "./machine.ts";
import { BARE, CENTRIFUGO, GATEWAY, NATS, type Protocol, SOCKET_IO } from "./protocols.ts";
import {
  type Calls,
  HttpPublisher,
  NatsPublisher,
  type Publisher,
  toBare,
  toCentrifugo,
  toCentrifugoUnheard,
  toCorked,
  toEcho,
  toGateway,
  toGatewayUnheard,
} from "./publishers.ts";
import type { Launch, Place } from "./server_process.ts";

export const SERVERS: string = join(dirname(fileURLToPath(import.meta.url)), "servers");

export const PARTS = ["paced", "bursts", "handshakes", "publishes", "memory"] as const;

export type Part = (typeof PARTS)[number];

export interface Peer {
  /** Its name for `--servers`. */
  readonly id: string;
  /** Its name in tables. */
  readonly name: string;
  /** Returns the version; `undefined` if it cannot run. */
  readonly version: () => Promise<string | undefined>;
  /** The requirement, if it cannot run. */
  readonly needs: string;
  readonly protocol: Protocol;
  readonly launch: (place: Place) => Launch;
  readonly publisher: (port: number) => Promise<Publisher>;
  /** Publishes with one write for each client, if that is not the default. */
  readonly corked?: Calls;
  /** The request whose cost is measured. */
  readonly request?: Calls;
  /** Default: all. */
  readonly parts?: readonly Part[];
}

const VERSION_ARGS = ["--version"];
const FOREVER_MS = 3_600_000;

const denoVersion = (): Promise<string> => Promise.resolve(`Deno ${Deno.version.deno}`);
const nodeVersion = (): Promise<string | undefined> => firstLine("node", VERSION_ARGS);

/** Runs a file of `servers/` under Deno, without the gateway's configuration. */
function underDeno(file: string): Peer["launch"] {
  const flags = ["--no-config", "--no-prompt", "--node-modules-dir=manual", "--allow-net"];
  return ({ port }) => ({
    command: [
      Deno.execPath(),
      "run",
      ...flags,
      "--allow-env",
      join(SERVERS, file),
      String(port),
    ],
  });
}

function underNode(file: string): Peer["launch"] {
  return ({ port }) => ({
    command: ["node", join(SERVERS, file), String(port)],
    env: { NODE_ENV: "production" },
  });
}

const BUN = join(
  SERVERS,
  `node_modules/@oven/bun-linux-${Deno.build.arch === "x86_64" ? "x64" : "aarch64"}/bin/bun`,
);

function gateway(transport: "deno" | "node"): Peer {
  return {
    id: `gateway-${transport}`,
    name: `gateway, \`${transport}\` transport`,
    version: gatewayVersion,
    needs: "Deno",
    protocol: GATEWAY,
    launch: (place) => launchGateway(transport, place),
    publisher: (port) => HttpPublisher.open(port, toGateway),
    request: toGatewayUnheard,
  };
}

function gatewayVersion(): Promise<string> {
  const config: { readonly version: string } = JSON.parse(
    Deno.readTextFileSync(join(ROOT, "deno.json")),
  );
  return Promise.resolve(`${config.version} on Deno ${Deno.version.deno}`);
}

function launchGateway(transport: string, { port, directory }: Place): Launch {
  return {
    command: command(),
    env: {
      ...SETTINGS,
      GATEWAY_PORT: String(port),
      GATEWAY_TRANSPORT: transport,
      GATEWAY_DATA_DIR: directory,
      GATEWAY_LOG: "memory",
      GATEWAY_HEARTBEAT_INTERVAL_MS: String(FOREVER_MS),
    },
  };
}

/** Adds an API port of its own, which is on `Deno.serve`. */
function withApiPort(peer: Peer): Peer {
  return {
    ...peer,
    id: `${peer.id}-api`,
    name: `${peer.name}, API port`,
    launch: (place) => {
      const { command, env } = peer.launch(place);
      const publishPort = place.apiPort;
      return { command, env: { ...env, GATEWAY_API_PORT: String(publishPort) }, publishPort };
    },
    parts: ["publishes"],
  };
}

/** A binary built by `go install` does not know its version, but Go does. */
async function centrifugoVersion(): Promise<string | undefined> {
  const own = await firstLine("centrifugo", ["version"]);
  if (!own?.includes("v0.0.0")) return own;
  const script = `go version -m "$(command -v centrifugo)" | awk '$1 == "mod" { print $3 }'`;
  return await firstLine("sh", ["-c", script]) || own;
}

function launchCentrifugo({ port, directory }: Place): Launch {
  const config = join(directory, "centrifugo.json");
  const hour = `${FOREVER_MS}ms`;
  Deno.writeTextFileSync(
    config,
    JSON.stringify({
      http_server: { address: "127.0.0.1", port },
      // Also lets clients subscribe without a token.
      client: { insecure: true, ping_interval: hour, allowed_origins: ["*"] },
      http_api: { insecure: true },
      log: { level: "error" },
    }),
  );
  return { command: ["centrifugo", "-c", config] };
}

async function natsVersion(): Promise<string | undefined> {
  return (await firstLine("nats-server", VERSION_ARGS))?.replace("nats-server: v", "");
}

function launchNats({ port, directory }: Place): Launch {
  const config = join(directory, "nats.conf");
  Deno.writeTextFileSync(
    config,
    `host: 127.0.0.1\nport: -1\nping_interval: "1h"\n` +
      `websocket { host: 127.0.0.1, port: ${port}, no_tls: true }\n`,
  );
  return { command: ["nats-server", "-c", config] };
}

/** In the order of the tables. */
export const PEERS: readonly Peer[] = [
  gateway("deno"),
  gateway("node"),
  withApiPort(gateway("node")),
  {
    id: "deno-serve",
    name: "bare `Deno.serve`",
    version: denoVersion,
    needs: "Deno",
    protocol: BARE,
    launch: underDeno("deno_serve.mjs"),
    publisher: (port) => HttpPublisher.open(port, toBare),
    request: toEcho,
  },
  {
    id: "ws-deno",
    name: "node:http and `ws` on Deno",
    version: async () => `ws ${packageVersion(SERVERS, "ws")} on ${await denoVersion()}`,
    needs: "Deno",
    protocol: BARE,
    launch: underDeno("ws.mjs"),
    publisher: (port) => HttpPublisher.open(port, toBare),
    corked: toCorked,
    request: toEcho,
  },
  {
    id: "ws-node",
    name: "node:http and `ws` on Node",
    version: async () => {
      const node = await nodeVersion();
      return node && `ws ${packageVersion(SERVERS, "ws")} on Node ${node}`;
    },
    needs: "node on the PATH",
    protocol: BARE,
    launch: underNode("ws.mjs"),
    publisher: (port) => HttpPublisher.open(port, toBare),
    corked: toCorked,
    request: toEcho,
  },
  {
    id: "socket-io",
    name: "Socket.IO on Node",
    version: async () => {
      const node = await nodeVersion();
      return node && `${packageVersion(SERVERS, "socket.io")} on Node ${node}`;
    },
    needs: "node on the PATH",
    protocol: SOCKET_IO,
    launch: underNode("socket_io.mjs"),
    publisher: (port) => HttpPublisher.open(port, toBare),
  },
  {
    id: "bun",
    name: "Bun",
    version: () => firstLine(BUN, VERSION_ARGS),
    needs: "a platform for which Bun has a package",
    protocol: BARE,
    launch: ({ port }) => ({
      command: [BUN, join(SERVERS, "bun.mjs"), String(port)],
    }),
    publisher: (port) => HttpPublisher.open(port, toBare),
    request: toEcho,
  },
  {
    id: "centrifugo",
    name: "Centrifugo",
    version: centrifugoVersion,
    needs: "centrifugo on the PATH",
    protocol: CENTRIFUGO,
    launch: launchCentrifugo,
    publisher: (port) => HttpPublisher.open(port, toCentrifugo),
    request: toCentrifugoUnheard,
  },
  {
    id: "nats",
    name: "nats-server",
    version: natsVersion,
    needs: "nats-server on the PATH",
    protocol: NATS,
    launch: launchNats,
    publisher: (port) => NatsPublisher.open(port),
  },
];
