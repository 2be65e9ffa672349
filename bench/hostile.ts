/**
 * Measures what hostile clients can do to a gateway, on each transport: floods, close codes while the client sends,
 * connections that never finish a request, and bodies that never finish.
 *
 *     deno task bench:hostile [--transport node,deno] [--seconds 10] [--closings 300] [--crowd 2000]
 *         [--wait 40]
 *
 * A stall is the longest round trip of another client's heartbeats, of which one is sent every 100 ms. Memory
 * is the peak of the resident size less what it was before. Each flood has a gateway of its own; attackers
 * are processes of their own. "again" attackers reconnect as soon as they are closed. `--wait` is the time for
 * which the crowd is watched, in seconds. Figures of a shared machine: compare the transports of one run.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { attack, watch } from "../tests/conformance/support/attack.ts";
import { FLOOD_KINDS, type Plan } from "../tests/conformance/support/attacker.ts";
import { type Client, closings, KINDS } from "../tests/conformance/support/closings.ts";
import { Crowd } from "../tests/conformance/support/crowd.ts";
import { GatewayProcess } from "../tests/conformance/support/process.ts";
import { noPython } from "../tests/conformance/support/python.ts";
import { SlowBodies } from "../tests/conformance/support/slow_bodies.ts";
import { someone } from "../tests/conformance/support/target.ts";
import { pause } from "../tests/conformance/support/wait.ts";
import { run } from "./support/run.ts";
import { print, printTable } from "./support/stats.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    transport: { type: "string", default: "node,deno" },
    seconds: { type: "string", default: "10" },
    closings: { type: "string", default: "300" },
    crowd: { type: "string", default: "2000" },
    wait: { type: "string", default: "40" },
  },
});
const MS = Number(values.seconds) * 1000;

interface Attack extends Pick<Plan, "flood" | "connections"> {
  readonly again: boolean;
  readonly token: boolean;
}

const ATTACKS: readonly Attack[] = FLOOD_KINDS.flatMap((flood): readonly Attack[] => [
  ...[1, 5].flatMap((connections) =>
    [false, true].map((token) => ({ flood, connections, token, again: false }))
  ),
  { flood, connections: 5, token: false, again: true },
]).concat([{ flood: "a bad token", connections: 8, token: false, again: true }]);

await run(async () => {
  for (const transport of values.transport.split(",")) {
    console.log(`\n${transport}: floods of ${values.seconds} s`);
    const head = ["flood", "connections", "token", "stall ms", "MB", "close codes", "health"];
    printTable([head, ...await inTurn(ATTACKS, (each) => flood(each, transport))]);
    console.log(
      `\n${transport}: close codes of ${values.closings} closings while the client sends`,
    );
    printTable(await closingRows(transport));
    console.log(`\n${transport}: connections that never finish a request`);
    printTable(await crowdRows(transport));
    console.log(`\n${transport}: ${values.crowd} publishes whose bodies stop after so much`);
    printTable(await bodyRows(transport));
  }
});

async function flood(
  { flood, connections, token, again }: Attack,
  transport: string,
): Promise<readonly string[]> {
  await using gateway = await start(transport);
  const identify = token ? { token: await gateway.backend.login(someone()) } : {};
  const plan = { url: gateway.wsUrl, flood, connections, again, ms: MS, ...identify };
  const { result, stallMs, grownMb, health } = await watch(gateway, () => attack(plan));
  return [
    flood,
    again ? `${connections}, again: ${result.connections}` : String(connections),
    token ? "yes" : "no",
    print(stallMs),
    print(grownMb),
    show(result.codes),
    health.every((status) => status === 200) ? "answers" : health.join(" "),
  ];
}

async function closingRows(transport: string): Promise<readonly (readonly string[])[]> {
  const clients: readonly Client[] = await noPython() === undefined ? ["raw", "python"] : ["raw"];
  const rows = await inTurn(KINDS, async (kind) => {
    const codes = await inTurn(clients, async (client) => {
      return show(await closings({ kind, client, count: Number(values.closings), transport }));
    });
    return [String(kind), ...codes];
  });
  return [["close code", ...clients], ...rows];
}

async function crowdRows(transport: string): Promise<readonly (readonly string[])[]> {
  await using gateway = await start(transport, { GATEWAY_MAX_CONNECTIONS_PER_IP: "10000" });
  const each = Number(values.crowd);
  const { result: crowd, stallMs, grownMb } = await watch(gateway, async () => {
    using crowd = await Crowd.open(Number(new URL(gateway.url).port), each);
    await Promise.race([crowd.ended(), pause(Number(values.wait) * 1000)]);
    return crowd;
  });
  return [
    ["", "opened", "closed", "first s", "last s"],
    ...(["silent", "dripping"] as const).map((kind) => {
      const { count, firstMs, lastMs } = crowd[kind];
      const seconds = [firstMs, lastMs].map((ms) => count === 0 ? "-" : print(ms / 1000, 1));
      return [kind, String(each), String(count), ...seconds];
    }),
    [`stall ${print(stallMs)} ms, ${print(grownMb)} MB`],
  ];
}

async function bodyRows(transport: string): Promise<readonly (readonly string[])[]> {
  const kinds = [1, 200].flatMap((kb) => [true, false].map((declared) => ({ kb, declared })));
  const rows = await inTurn(kinds, async ({ kb, declared }) => {
    await using gateway = await start(transport, { GATEWAY_MAX_CONNECTIONS_PER_IP: "10000" });
    const { url } = gateway;
    const count = Number(values.crowd);
    const { result: statuses, stallMs, grownMb } = await watch(gateway, async () => {
      const options = { url, publishKey: "dev", count, bytes: kb * 1024, declared };
      using crowd = await SlowBodies.open(options);
      await pause(2000);
      return { ...crowd.statuses };
    });
    const kind = declared ? "declared as 4 MiB" : "in chunks";
    return [`${kb} KB`, kind, print(stallMs), print(grownMb), show(statuses)];
  });
  return [["sent", "length", "stall ms", "MB", "answered"], ...rows];
}

async function start(
  transport: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<GatewayProcess> {
  return await GatewayProcess.start({
    settings: { GATEWAY_LOG_LEVEL: "info", GATEWAY_TRANSPORT: transport, ...settings },
  });
}

async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

function show(codes: Readonly<Record<string, number>>): string {
  return Object.entries(codes).map(([code, count]) => `${count} × ${code}`).join(", ");
}
