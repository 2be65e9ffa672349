/**
 * The globals that the gateway uses in a test runner: Node's own, not those of the environment. jsdom and
 * happy-dom replace some of them by classes that Node's cryptography and HTTP do not accept, jest's
 * environments lack others, and fake timers stop those that schedule.
 */

const { Buffer, Blob } = require("node:buffer");
const { webcrypto } = require("node:crypto");
const { ReadableStream } = require("node:stream/web");
const timers = require("node:timers");
const { URL, URLSearchParams } = require("node:url");
const { TextDecoder, TextEncoder } = require("node:util");
const { runInThisContext } = require("node:vm");

if ("clock" in timers.setImmediate) {
  throw new Error("import @emagine/gateway-mock before you turn fake timers on");
}

/** The globals outside of the context in which jest runs a test. */
const { AbortController, Headers, Request, Response, queueMicrotask, structuredClone } =
  runInThisContext("globalThis");

const Uint8Array = Object.getPrototypeOf(Buffer);

module.exports = {
  AbortController,
  ArrayBuffer: new Uint8Array().buffer.constructor,
  Blob,
  Headers,
  ReadableStream,
  Request,
  Response,
  TextDecoder,
  TextEncoder,
  URL,
  URLSearchParams,
  Uint8Array,
  crypto: webcrypto,
  queueMicrotask,
  structuredClone,
  /** Fake timers also replace the functions of `node:timers`. */
  require: (id) => id === "node:timers" ? { ...timers } : require(id),
};
