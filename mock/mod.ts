/**
 * The gateway's doubles for tests: a clock that stands still until it is told, sockets without a network,
 * and the login issuer.
 *
 * @module
 */

export * from "./clock.ts";
export * from "./ids.ts";
export * from "./issuer.ts";
export * from "./logger.ts";
export * from "./socket.ts";
