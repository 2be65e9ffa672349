/**
 * Formats the results as a Markdown table, and compares the gateway with its requirements.
 *
 * @module
 */

import { padColumns, print } from "../support/stats.ts";
import { type Peer, PEERS } from "./catalog.ts";
import { BURST, type BurstSamples, corkedName } from "./deliveries.ts";
import { AT_ONCE, type RequestSamples } from "./requests.ts";
import type { Samples } from "./samples.ts";

const KIB = 1024;

/** The samples of the parts that were measured. */
export interface Results {
  readonly paced?: Samples | undefined;
  readonly bursts?: BurstSamples | undefined;
  readonly memory?: Samples | undefined;
  readonly handshakes?: Samples | undefined;
  readonly publishes?: RequestSamples | undefined;
}

interface Column {
  readonly title: string;
  readonly samples: Samples | undefined;
  readonly digits: number;
  /** The server to which the others are compared. */
  readonly base?: string | undefined;
  /** The unit of the samples. */
  readonly unit?: number;
  /** True if the generator was the limit. */
  readonly limited?: (name: string) => boolean;
}

/** A requirement on the gateway. */
interface Criterion {
  readonly what: string;
  readonly figure: number | undefined;
  readonly limit: number;
  readonly digits: number;
}

function nameOf(id: string): string {
  return PEERS.find((peer) => peer.id === id)?.name ?? id;
}

const WS = nameOf("ws-deno");
const DENO_SERVE = nameOf("deno-serve");
const BUN = nameOf("bun");
const ON_NODE = nameOf("gateway-node");
const ON_DENO = nameOf("gateway-deno");
const WITH_API_PORT = nameOf("gateway-node-api");

function columnsOf(results: Results): readonly Column[] {
  const { paced, bursts, memory, handshakes, publishes } = results;
  return [
    { title: "paced delivery, µs", samples: paced, digits: 1, base: WS },
    { title: "delivery in bursts, µs", samples: bursts?.micros, digits: 2, base: WS },
    {
      title: "deliveries/s in bursts",
      samples: bursts?.rate,
      digits: 0,
      limited: (name) => limitedByGenerator(bursts, name),
    },
    { title: "idle connection, KiB", samples: memory, digits: 1, base: WS, unit: KIB },
    { title: "handshake, µs", samples: handshakes, digits: 0, base: WS },
    { title: "publish, one by one, µs", samples: publishes?.single, digits: 0, base: DENO_SERVE },
    {
      title: `publish, ${AT_ONCE} at once, µs`,
      samples: publishes?.loaded,
      digits: 0,
      base: DENO_SERVE,
    },
    { title: `publish, by ${BURST}, µs`, samples: publishes?.batch, digits: 2, base: DENO_SERVE },
  ];
}

/** Formats a row for each server and each corked variant. */
export function table(peers: readonly Peer[], results: Results): string {
  const columns = columnsOf(results).filter(({ samples }) => samples !== undefined);
  const rows = peers.flatMap(({ name }) => [name, corkedName(name)])
    .filter((name) => columns.some(({ samples }) => samples?.has(name)))
    .map((name) => [name, ...columns.map((column) => cell(column, name))]);
  return markdown([["server", ...columns.map(({ title }) => title)], ...rows]);
}

function cell({ samples, digits, base, unit = 1, limited }: Column, name: string): string {
  if (samples === undefined || !samples.has(name)) return "";
  const figure = print(samples.median(name) / unit, digits) + (limited?.(name) ? "\\*" : "");
  if (base === undefined || !samples.has(base)) return figure;
  return `${figure} (${print(samples.ratio(name, base), 2)})`;
}

/** Explains the table. */
export function legend(
  peers: readonly Peer[],
  { rounds, results }: { readonly rounds: number; readonly results: Results },
): string {
  const limited = peers.flatMap(({ name }) => [name, corkedName(name)])
    .some((name) => limitedByGenerator(results.bursts, name));
  return [
    `µs are of the server's CPU, for each delivery, handshake or message; medians of ${rounds} rounds. ` +
    `In parentheses: times what ${WS} needs; for publishes, times what an echo of ` +
    `${DENO_SERVE} needs.`,
    ...(limited ? ["\\* The generator was the limit: it was busier than the server."] : []),
  ].join("\n");
}

/** True if the generator was busier than the server. */
function limitedByGenerator(bursts: BurstSamples | undefined, name: string): boolean {
  return bursts !== undefined && bursts.generator.median(name) > bursts.server.median(name);
}

/** Formats the requirements and the results. */
export function criteria(results: Results): string {
  const rows = criteriaOf(results).flatMap(({ what, figure, limit, digits }) =>
    figure === undefined ? [] : [[
      what,
      `${print(figure, digits)} of ${print(limit, digits)}`,
      figure <= limit ? "yes" : "no",
    ]]
  );
  return rows.length === 0 ? "" : markdown([["criterion", "found, of at most", "met"], ...rows]);
}

function criteriaOf(
  { paced, bursts, memory, publishes }: Results,
): readonly Criterion[] {
  const pairs = [[ON_DENO, DENO_SERVE], [ON_NODE, WS]] as const;
  const micros = bursts?.micros;
  const single = publishes?.single;
  return [
    ...pairs.map(([gateway, bare]) => ({
      what: `paced: ${gateway} ÷ ${bare}`,
      figure: ratio(paced, gateway, bare),
      limit: 1.1,
      digits: 2,
    })),
    {
      what: `bursts: ${ON_NODE} ÷ ${WS}`,
      figure: ratio(micros, ON_NODE, WS),
      limit: 0.1,
      digits: 2,
    },
    {
      what: `bursts: ${ON_NODE} ÷ ${BUN}`,
      figure: ratio(micros, ON_NODE, BUN),
      limit: 2,
      digits: 2,
    },
    ...pairs.map(([gateway, bare]) => ({
      what: `idle connection, KiB: ${gateway} − ${bare}`,
      figure: difference(memory, gateway, bare),
      limit: 5,
      digits: 1,
    })),
    ...[ON_DENO, ON_NODE, WITH_API_PORT].map((gateway) => ({
      what: `publish, one by one: ${gateway} ÷ echo of ${DENO_SERVE}`,
      figure: ratio(single, gateway, DENO_SERVE),
      limit: 2.5,
      digits: 2,
    })),
  ];
}

function ratio(samples: Samples | undefined, name: string, base: string): number | undefined {
  return samples?.has(name) && samples.has(base) ? samples.ratio(name, base) : undefined;
}

function difference(samples: Samples | undefined, name: string, base: string): number | undefined {
  if (!samples?.has(name) || !samples.has(base)) return undefined;
  return (samples.median(name) - samples.median(base)) / KIB;
}

/** Formats rows as a Markdown table; the first is the head. */
function markdown(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = padColumns(rows, 3);
  const rule = head.map(({ length }, column) =>
    column === 0 ? "-".repeat(length) : `${"-".repeat(length - 1)}:`
  );
  return [head, rule, ...body].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
