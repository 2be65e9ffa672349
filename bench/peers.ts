/**
 * Puts the same load on the gateway, on the bare servers of its transports, and on similar servers, and measures
 * what a delivery, an idle connection, a handshake and a publish cost the server's process.
 *
 *     deno task bench:peers [--only=paced,bursts,handshakes,publishes,memory] [--servers=gateway-node,bun]
 *         [--rounds=3] [--memory-rounds=1] [--connections=1000] [--idle=8000] [--json=FILE]
 *
 * Times are user and system time of the server's process as Linux counts it, less what it uses when
 * idle; memory is the growth of its resident set. Every client gets each message as one WebSocket
 * frame of text, where the server does not pack several into one (Centrifugo, nats-server); payloads have the
 * gateway's form and nearly its length. Rounds go from server to server, and those of a publish alternate with the
 * echo's, so that a busy machine is as bad for each; ratios are medians of the rounds' ratios. Where there are two
 * cores, the generator has one of them and the server that is being measured the other. The gateway identifies its
 * clients and has its memory log; the bare servers know neither users nor channels.
 *
 * Servers that are not installed are left out. Those of npm are installed below `bench/peers/servers/` at
 * the first run; centrifugo and nats-server have to be on the PATH. Fails when a delivery is missing or comes
 * twice.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type Part, PARTS, type Peer, PEERS, SERVERS } from "./peers/catalog.ts";
import { measureHandshakes, measureMemory } from "./peers/connections.ts";
import { measureBursts, measurePaced } from "./peers/deliveries.ts";
import { checkDescriptors, type Cores, install, pinGenerator, processor } from "./peers/machine.ts";
import { CHANNEL } from "./peers/protocols.ts";
import { criteria, legend, type Results, table } from "./peers/report.ts";
import { measureRequests } from "./peers/requests.ts";
import { type Contender, Stand } from "./peers/stand.ts";
import { signToken } from "./support/deployment.ts";
import { run } from "./support/run.ts";

/** Messages a second. */
const PACE = 15;
const PACED_SECONDS = 3;
const SECONDS = 1;
const HANDSHAKES = 500;
/** Open descriptors besides connections. */
const OTHER_DESCRIPTORS = 500;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    only: { type: "string", default: PARTS.join() },
    servers: { type: "string", default: PEERS.map(({ id }) => id).join() },
    rounds: { type: "string", default: "3" },
    "memory-rounds": { type: "string", default: "1" },
    connections: { type: "string", default: "1000" },
    idle: { type: "string", default: "8000" },
    json: { type: "string" },
  },
});
const only: readonly Part[] = chosen("only", PARTS);
const servers = chosen("servers", PEERS.map(({ id }) => id));
const rounds = count("rounds");

await run(async () => {
  await install(SERVERS);
  const { peers, versions } = await installed();
  const most = Math.max(count("idle"), count("connections") * peers.length);
  await checkDescriptors(most + OTHER_DESCRIPTORS);
  const cores = await pinGenerator();
  const machine = [...versions, `processor: ${await processor()}; ${pinning(cores)}`];
  console.log(machine.map((line) => `- ${line}`).join("\n"));
  const results = await measure(peers, cores);
  console.log(`\n${table(peers, results)}\n\n${legend(peers, { rounds, results })}\n`);
  console.log(criteria(results));
  if (values.json === undefined) return;
  await Deno.writeTextFile(values.json, JSON.stringify({ machine, ...results }, null, 2));
});

/** Returns the chosen servers that can run, and a line for each chosen one. */
async function installed(): Promise<{ peers: readonly Peer[]; versions: readonly string[] }> {
  const peers: Peer[] = [];
  const versions: string[] = [];
  for (const peer of PEERS.filter(({ id }) => servers.includes(id))) {
    const version = await peer.version();
    if (version !== undefined) peers.push(peer);
    versions.push(`${peer.name}: ${version ?? `left out, needs ${peer.needs}`}`);
  }
  return { peers, versions };
}

async function measure(peers: readonly Peer[], cores: Cores): Promise<Results> {
  const tokens = await Promise.all(
    Array.from(
      { length: Math.max(count("idle"), count("connections"), HANDSHAKES) },
      (_, index) => signToken(`user-${index}`, CHANNEL),
    ),
  );
  let results: Results = {};
  if (only.some((part) => part !== "memory")) {
    progress(`starting the servers with ${count("connections")} clients each`);
    await using stand = await Stand.start(peers, {
      cores,
      tokens: tokens.slice(0, count("connections")),
    });
    results = await measureTogether(stand.contenders, tokens.slice(0, HANDSHAKES));
  }
  if (only.includes("memory")) {
    progress(`memory, ${count("idle")} connections`);
    const memory = {
      cores,
      tokens: tokens.slice(0, count("idle")),
      rounds: count("memory-rounds"),
    };
    results = {
      ...results,
      memory: await measureMemory(peers.filter((peer) => takes("memory", peer)), memory),
    };
  }
  return results;
}

async function measureTogether(
  contenders: readonly Contender[],
  tokens: readonly string[],
): Promise<Results> {
  for (const { peer, payloadBytes } of contenders) {
    progress(`${peer.name}: ${payloadBytes} bytes a message`);
  }
  const part = async <T>(
    name: Part,
    work: (contenders: readonly Contender[]) => Promise<T>,
  ): Promise<T | undefined> => {
    if (!only.includes(name)) return undefined;
    progress(name);
    return await work(contenders.filter(({ peer }) => takes(name, peer)));
  };
  const load = { rounds, seconds: SECONDS };
  const pace = { rounds, seconds: PACED_SECONDS, rate: PACE };
  return {
    // First, as it makes the code hot that the others need.
    publishes: await part("publishes", (all) => measureRequests(all, load)),
    paced: await part("paced", (all) => measurePaced(all, pace)),
    bursts: await part("bursts", (all) => measureBursts(all, load)),
    handshakes: await part("handshakes", (all) => measureHandshakes(all, { rounds, tokens })),
  };
}

function takes(part: Part, peer: Peer): boolean {
  return peer.parts?.includes(part) ?? true;
}

function pinning({ generator, server }: Cores): string {
  return server === undefined
    ? "generator and servers share the cores, as there is but one or no taskset"
    : `the generator runs on core ${generator}, the servers on core ${server}`;
}

/** Reports progress on stderr. */
function progress(text: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);
}

/** @throws {TypeError} for an unknown name */
function chosen<Name extends string>(
  option: "only" | "servers",
  known: readonly Name[],
): readonly Name[] {
  const names = values[option].split(",");
  const unknown = names.find((name) => !known.some((each) => each === name));
  if (unknown !== undefined) throw new TypeError(`--${option}: ${unknown} is none of ${known}`);
  return known.filter((each) => names.includes(each));
}

function count(option: "rounds" | "memory-rounds" | "connections" | "idle"): number {
  const value = Number(values[option]);
  if (!Number.isInteger(value) || value < 1) throw new TypeError(`--${option} needs a number`);
  return value;
}
