/**
 * Closes clients that send a heartbeat every millisecond, a number of times for each kind of closing, and counts
 * the codes that the clients get.
 *
 * @module
 */

import { GatewayProcess, type Settings, TRANSPORT } from "./process.ts";
import { PythonScript } from "./python.ts";
import { closeInfo, RawClient } from "./raw_client.ts";
import { someone } from "./target.ts";
import { pause, within } from "./wait.ts";
import { WireOp } from "./wire.ts";

/** The close codes that are tried. */
export const KINDS = [4001, 4002, 4003, 4008, 4010, 1009, 1012] as const;
export type Kind = (typeof KINDS)[number];
export type Client = "raw" | "python";

/** The number of times that each code came; 1006 is one that was lost. */
export type Codes = Readonly<Record<string, number>>;

/** Heartbeats before the closing; less than the 120 that are allowed. */
const FRAMES_BEFORE = 20;
/** The time before 4002, and of the drain before 1012; usually shorter than 120 heartbeats take. */
const SOON_MS = 30;
/** Concurrent clients. Each sends a thousand frames a second. */
const AT_ONCE = { raw: 8, python: 4 } as const;

/** Without limits that are not under test. */
const SETTINGS: Settings = {
  GATEWAY_LOG_LEVEL: "info",
  GATEWAY_LOG: "memory",
  GATEWAY_CONNECT_BURST_PER_IP: "1000000",
};

interface Plan {
  readonly url: string;
  readonly token: string;
  readonly kind: Kind;
  readonly count: number;
}

export interface Closings {
  readonly kind: Kind;
  readonly count: number;
  readonly client: Client;
  /** By default, the suite's. */
  readonly transport?: string;
}

/** Closes `count` connections with `kind`. */
export async function closings(
  { kind, count, client, transport = TRANSPORT }: Closings,
): Promise<Codes> {
  const all: Record<string, number> = {};
  const isFromOutside = kind === 1012 || kind === 4010;
  // A gateway drains once, so all of its clients are closed together.
  const atATime = kind === 1012 ? AT_ONCE[client] : count;
  let left = count;
  for (let tries = 0; left > 0 && tries < count; tries++) {
    const codes = await closeSome({ kind, count: Math.min(atATime, left), client, transport });
    for (const [code, times] of Object.entries(codes)) {
      // On a busy machine, a close from outside may come after 120 heartbeats. It is tried again.
      if (isFromOutside && code === "4008") continue;
      all[code] = (all[code] ?? 0) + times;
      left -= times;
    }
  }
  return all;
}

async function closeSome(
  { kind, count, client, transport }: Required<Closings>,
): Promise<Codes> {
  await using gateway = await GatewayProcess.start({
    settings: {
      ...SETTINGS,
      GATEWAY_TRANSPORT: transport,
      ...(kind === 4002 ? { GATEWAY_HEARTBEAT_INTERVAL_MS: String(SOON_MS) } : {}),
      GATEWAY_DRAIN_MS: String(SOON_MS),
    },
  });
  const user = someone();
  const token = await gateway.backend.login(user);
  const plan = { url: gateway.wsUrl, token, kind, count };
  let ready = 0;
  let over = false;
  const started = (): void => {
    ready += 1;
    if (kind === 1012 && ready === count) void pause(SOON_MS).then(() => gateway.end("SIGTERM"));
  };
  const disconnecting = kind === 4010 ? disconnect() : undefined;
  try {
    return await (client === "raw" ? closeRaw(plan, started) : closePython(plan, started));
  } finally {
    over = true;
    await disconnecting;
  }

  /** Disconnects the current clients, repeatedly. */
  async function disconnect(): Promise<void> {
    while (!over) {
      await gateway.backend.disconnect(user);
      await pause(SOON_MS);
    }
  }
}

async function closeRaw(plan: Plan, started: () => void): Promise<Codes> {
  const codes: Record<string, number> = {};
  let left = plan.count;
  const one = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const code = await within("a close code", closeOne(plan, started));
      codes[code] = (codes[code] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE.raw }, one));
  return codes;
}

async function closeOne({ url, token, kind }: Plan, started: () => void): Promise<number> {
  using client = await RawClient.connect(url);
  await client.nextJson("Hello");
  if (kind === 4010) {
    await client.json({ op: 1, token });
    await client.nextJson("Ready");
  }
  started();
  let open = true;
  const reading = (async () => {
    for (;;) {
      const frame = await client.nextEver();
      if (frame?.opcode !== WireOp.Close && frame !== undefined) continue;
      open = false;
      return frame === undefined ? 1006 : closeInfo(frame).code ?? 1005;
    }
  })();
  for (let count = 0; open; count++) {
    const last = count === FRAMES_BEFORE ? LAST_FRAME[kind] : undefined;
    await client.text(last ?? '{"op":10,"time":1}').catch(() => open = false);
    await pause(1);
  }
  return await reading;
}

/** The frame that closes a connection, for kinds that are a frame. */
const LAST_FRAME: Partial<Record<Kind, string>> = {
  4001: "no JSON",
  4003: '{"op":1,"token":"none"}',
  1009: JSON.stringify({ op: 10, time: 1, pad: "x".repeat(10_000) }),
};

async function closePython(plan: Plan, started: () => void): Promise<Codes> {
  const input = JSON.stringify({ ...plan, at_once: AT_ONCE.python });
  const script = "tests/conformance/python/closings.py";
  await using python = await PythonScript.start(script, { input });
  const result = await python.output.line("the close codes", (line) => {
    if (line === "ready") started();
    return line.startsWith("{");
  }, { limitMs: 180_000 });
  return JSON.parse(result);
}
