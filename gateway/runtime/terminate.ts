/**
 * Terminates a WebSocket whose peer does not answer the close frame.
 *
 * Deno leaves such a socket open until the peer ends it (denoland/deno#24292), and has no public way to terminate
 * it. Only this file uses the runtime's internals for that; if they are not as expected, it terminates nothing and
 * says so.
 *
 * @module
 */

export type Termination =
  /** The socket and its descriptor are closed. */
  | "terminated"
  /** A write is pending, for which the runtime would hold the descriptor; nothing was done. */
  | "pending"
  /** This runtime does not have the internals. */
  | "unsupported";

interface Core {
  tryClose(rid: number): void;
  readonly ops: { op_ws_get_buffered_amount(rid: number): number };
}

/**
 * Terminates a closing `socket`. Must not be called again after `"terminated"`: the runtime aborts the process if
 * asked about a closed resource.
 */
export function terminate(socket: WebSocket): Termination {
  const core = runtimeCore();
  const rid = resourceId(socket);
  if (core === undefined || rid === undefined) return "unsupported";
  // `socket.bufferedAmount` is 0 for every closing socket; the op behind it is exact.
  if (core.ops.op_ws_get_buffered_amount(rid) > 0) return "pending";
  core.tryClose(rid);
  return "terminated";
}

/** `undefined` if it lacks what is needed here, as in Deno 2.4. */
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
