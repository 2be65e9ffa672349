/**
 * The wire protocol, version 1, as pure code: codes, frames and the session reducer.
 *
 * @module
 */

export * from "./codes.ts";
export * from "./frames.ts";
export * from "./names.ts";
export * from "./session.ts";
export * from "./session_types.ts";
export * from "./transitions.ts";
