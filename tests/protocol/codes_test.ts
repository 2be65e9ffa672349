/**
 * The tables of opcodes and close codes: the numbers of the specification, which never change.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CloseCode, closeName, Op, opName } from "../../gateway/protocol/codes.ts";

Deno.test("Op has the numbers of the specification", () => {
  assert.deepEqual(Op, {
    Hello: 0,
    Identify: 1,
    Ready: 2,
    Message: 3,
    Signal: 4,
    Heartbeat: 10,
    HeartbeatAck: 11,
  });
});

Deno.test("CloseCode has the numbers of the specification, and whether to reconnect", () => {
  assert.deepEqual(
    Object.entries(CloseCode).map(([name, info]) => [info.code, name, info.reconnect]),
    [
      [1002, "ProtocolError", false],
      [1007, "InvalidText", false],
      [1008, "TooManyFragments", false],
      [1009, "MessageTooBig", false],
      [1011, "InternalError", true],
      [1012, "ServiceRestart", true],
      [1013, "TryAgainLater", true],
      [4001, "Malformed", false],
      [4002, "HeartbeatTimeout", true],
      [4003, "IdentifyFailed", false],
      [4004, "IdentifyTimeout", true],
      [4008, "RateLimited", true],
      [4009, "SlowConsumer", true],
      [4010, "Disconnected", false],
      [4011, "Replaced", false],
    ],
  );
});

Deno.test("opName() finds the name of every opcode and of no other number", () => {
  for (const [name, op] of Object.entries(Op)) assert.equal(opName(op), name);
  for (const op of [-1, 5, 9, 12, 1.5, NaN]) assert.equal(opName(op), undefined);
});

Deno.test("closeName() finds the name of every close code and of no other number", () => {
  for (const [name, { code }] of Object.entries(CloseCode)) assert.equal(closeName(code), name);
  for (const code of [0, 1000, 1006, 4000, 4005, NaN]) assert.equal(closeName(code), undefined);
});
