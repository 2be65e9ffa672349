/**
 * Ending a WebSocket whose peer does not answer the close frame.
 *
 * Deno leaves such a socket open for as long as the peer likes (denoland/deno#24292), and has no public
 * way to end it. This file is the only one that reaches into the runtime for one; where the runtime is
 * not built as expected, nothing is cut and the caller is told.
 *
 * @module
 */

/** What became of a socket that was to be cut. */
export type Termination =
  /** It is gone, descriptor and all. */
  | "terminated"
  /** A write is pending: the runtime would keep the descriptor for it, so that it was left alone. */
  | "pending"
  /** This runtime cannot do it. */
  | "unsupported";

interface Core {
  tryClose(rid: number): void;
  readonly ops: { op_ws_get_buffered_amount(rid: number): number };
}

/**
 * Ends `socket`, which is closing, without its peer.
 *
 * Must not be called again once it returned `"terminated"`: the runtime ends the process when it is asked about
 * a resource that is gone.
 */
export function terminate(socket: WebSocket): Termination {
  const core = runtimeCore();
  const rid = resourceId(socket);
  if (core === undefined || rid === undefined) return "unsupported";
  // `socket.bufferedAmount` says 0 for every socket that is closing; the op behind it knows.
  if (core.ops.op_ws_get_buffered_amount(rid) > 0) return "pending";
  core.tryClose(rid);
  return "terminated";
}

/** The runtime's core, if it has what is needed here: Deno 2.4 has not. */
function runtimeCore(): Core | undefined {
  const internal: unknown = Reflect.get(Deno, "internal");
  if (typeof internal !== "symbol") return undefined;
  const core: unknown = property(Reflect.get(Deno, internal), "core");
  const supported = typeof property(core, "tryClose") === "function" &&
    typeof property(property(core, "ops"), "op_ws_get_buffered_amount") === "function";
  return supported ? core as Core : undefined;
}

function resourceId(socket: WebSocket): number | undefined {
  const key = Object.getOwnPropertySymbols(socket).find((each) => each.description === "[[rid]]");
  const rid: unknown = key === undefined ? undefined : Reflect.get(socket, key);
  return typeof rid === "number" ? rid : undefined;
}

function property(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
