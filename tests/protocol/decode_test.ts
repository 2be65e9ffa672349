/**
 * The codec: valid frames, malformed ones, and the reason for each fault (docs/protocol.md, "Malformed
 * frames").
 *
 * @module
 */

import assert from "node:assert/strict";
import { decode, encode, Op } from "../../gateway/protocol/mod.ts";

const MAX = 4096;
const bytes = (text: string) => new TextEncoder().encode(text);

/** Malformed input, and a pattern that the reason for 4001 must match. */
const MALFORMED: readonly (readonly [string | Uint8Array, RegExp])[] = [
  // Not JSON.
  ["", /^not JSON$/],
  [" ", /^not JSON$/],
  ["hello", /^not JSON$/],
  ["{", /^not JSON$/],
  ['{"op":10,"time":1', /^not JSON$/],
  ['{"op":10,"time":1}}', /^not JSON$/],
  ['{"op":10,"time":1}{"op":10,"time":1}', /^not JSON$/],
  ['{"op":10,"time":1,}', /^not JSON$/],
  ["{'op':10,'time':1}", /^not JSON$/],
  ["{op:10,time:1}", /^not JSON$/],
  ['{"op":10,"time":01}', /^not JSON$/],
  ['{"op":10,"time":+1}', /^not JSON$/],
  ['{"op":10,"time":0x10}', /^not JSON$/],
  ['{"op":10,"time":NaN}', /^not JSON$/],
  ['{"op":10,"time":Infinity}', /^not JSON$/],
  ['{"op":10,"time":1} // one', /^not JSON$/],
  ['\ufeff{"op":10,"time":1}', /^not JSON$/],
  ['{"op":1,"token":"\u0000"}', /^not JSON$/],
  ['{"op":1,"token":"\\x41"}', /^not JSON$/],
  ["[".repeat(2_000), /^not JSON$/],
  ['{"a":'.repeat(700), /^not JSON$/],
  // Not an object.
  ["null", /^not a JSON object$/],
  ["true", /^not a JSON object$/],
  ["10", /^not a JSON object$/],
  ['"op"', /^not a JSON object$/],
  ["[]", /^not a JSON object$/],
  ['[{"op":10,"time":1}]', /^not a JSON object$/],
  ["[".repeat(2_000) + "]".repeat(2_000), /^not a JSON object$/],
  // Without op, or with one that clients do not send.
  ["{}", /^op is missing$/],
  ['{"OP":10,"time":1}', /^op is missing$/],
  ['{"time":1}', /^op is missing$/],
  ['{"__proto__":{"op":10,"time":1}}', /^op is missing$/],
  ['{"constructor":{"prototype":{"op":10}}}', /^op is missing$/],
  ['{"op":"10","time":1}', /^op is not a number$/],
  ['{"op":null}', /^op is not a number$/],
  ['{"op":true}', /^op is not a number$/],
  ['{"op":[10],"time":1}', /^op is not a number$/],
  ['{"op":{"valueOf":10},"time":1}', /^op is not a number$/],
  ['{"op":99}', /^unknown op$/],
  ['{"op":-1}', /^unknown op$/],
  ['{"op":10.5,"time":1}', /^unknown op$/],
  ['{"op":1e400}', /^unknown op$/],
  ['{"op":4294967306,"time":1}', /^unknown op$/],
  ['{"op":0,"heartbeat_interval":45000}', /^op 0 \(Hello\) is not for clients to send$/],
  ['{"op":2,"user":"7","last_id":"e-1"}', /^op 2 \(Ready\) is not for clients to send$/],
  [
    '{"op":3,"id":"e-1","author":"7","content":1,"time":1}',
    /^op 3 \(Message\) is not for clients to send$/,
  ],
  // Identify with a wrong or missing field.
  ['{"op":1}', /^token: .*expected string, received undefined/],
  ['{"op":1,"Token":"a"}', /^token: .*expected string, received undefined/],
  ['{"op":1,"__proto__":{"token":"a"}}', /^token: .*expected string, received undefined/],
  ['{"op":1,"token":""}', /^token: Too small/],
  ['{"op":1,"token":7}', /^token: .*expected string, received number/],
  ['{"op":1,"token":null}', /^token: .*expected string, received null/],
  ['{"op":1,"token":["a"]}', /^token: .*expected string, received array/],
  ['{"op":1,"token":"a","token":{}}', /^token: .*expected string, received object/],
  ['{"op":1,"token":"a","last_id":7}', /^last_id: .*expected string, received number/],
  ['{"op":1,"token":"a","last_id":null}', /^last_id: .*expected string, received null/],
  // Heartbeat and ACK with a wrong or missing time.
  ['{"op":10}', /^time: .*expected number, received undefined/],
  ['{"op":11}', /^time: .*expected number, received undefined/],
  ['{"op":10,"time":"1"}', /^time: .*expected number, received string/],
  ['{"op":10,"time":null}', /^time: .*expected number, received null/],
  ['{"op":11,"time":[1]}', /^time: .*expected number, received array/],
  ['{"op":10,"time":1.5}', /^time: .*expected int/],
  ['{"op":10,"time":-1}', /^time: Too small/],
  ['{"op":11,"time":-1}', /^time: Too small/],
  ['{"op":10,"time":9007199254740992}', /^time: Too big/],
  ['{"op":10,"time":1e300}', /^time: Too big/],
  ['{"op":10,"time":1e400}', /^time: .*received Infinity/],
  ['{"op":11,"time":-1e400}', /^time: .*received -Infinity/],
  // Binary.
  [bytes('{"op":10,"time":1}'), /^binary frame, expected JSON text$/],
  [new Uint8Array(), /^binary frame, expected JSON text$/],
  [Uint8Array.of(0xff, 0xfe), /^binary frame, expected JSON text$/],
];

for (const [input, reason] of MALFORMED) {
  const shown = typeof input === "string" ? input.slice(0, 50) : `bytes ${input.slice(0, 20)}`;
  Deno.test(`decode() refuses ${JSON.stringify(shown)} with 4001, saying ${reason.source}`, () => {
    const decoded = decode(input, MAX);
    assert(!decoded.ok);
    assert.equal(decoded.code, 4001);
    assert.match(decoded.reason, reason);
    assert(bytes(decoded.reason).length <= 123, "fits a close frame");
  });
}

/** Input, and the frame that it decodes to. */
const WELL_FORMED: readonly (readonly [string, unknown])[] = [
  ['{"op":1,"token":"a"}', { op: 1, token: "a" }],
  ['{"op":1,"token":"a","last_id":"e-1"}', { op: 1, token: "a", last_id: "e-1" }],
  ['{"op":1,"token":"a","last_id":""}', { op: 1, token: "a", last_id: "" }],
  ['{"op":10,"time":1579276740336}', { op: 10, time: 1579276740336 }],
  ['{"op":11,"time":0}', { op: 11, time: 0 }],
  ['{"op":10,"time":9007199254740991}', { op: 10, time: 9007199254740991 }],
  // Equal numbers, however they are written.
  ['{"op":1e1,"time":1.0}', { op: 10, time: 1 }],
  ['{"op":10,"time":15e2}', { op: 10, time: 1500 }],
  // White space and order are free.
  [' \n{"time" : 1 ,\t"op":10}\r\n', { op: 10, time: 1 }],
  ['{"\\u006fp":10,"time":1}', { op: 10, time: 1 }],
  // Unknown fields are ignored, whatever they are called.
  ['{"op":10,"time":1,"x":[{}],"":null}', { op: 10, time: 1 }],
  ['{"op":10,"time":1,"__proto__":{"time":2}}', { op: 10, time: 1 }],
  ['{"__proto__":null,"op":10,"time":1}', { op: 10, time: 1 }],
  ['{"op":10,"time":1,"constructor":0,"toString":0,"hasOwnProperty":0}', { op: 10, time: 1 }],
  [`{"op":10,"time":1,"x":${"[".repeat(2_000)}${"]".repeat(2_000)}}`, { op: 10, time: 1 }],
  // The last value of a repeated key counts, as in JSON.parse.
  ['{"op":10,"op":11,"time":1,"time":2}', { op: 11, time: 2 }],
  ['{"op":1,"token":7,"token":"a"}', { op: 1, token: "a" }],
  // Strings need not be well-formed Unicode.
  ['{"op":1,"token":"\\ud800"}', { op: 1, token: "\ud800" }],
  ['{"op":1,"token":"\\udc00\\ud800","last_id":"\\udfff"}', {
    op: 1,
    token: "\udc00\ud800",
    last_id: "\udfff",
  }],
  ['{"op":1,"token":"\\u0000"}', { op: 1, token: "\0" }],
];

for (const [input, frame] of WELL_FORMED) {
  Deno.test(`decode() reads ${JSON.stringify(input.slice(0, 60))}`, () => {
    assert.deepEqual(decode(input, MAX), { ok: true, frame });
  });
}

Deno.test("decode() takes nothing from a prototype that somebody else has changed", () => {
  const prototype: { op?: number } = Object.prototype;
  prototype.op = Op.Heartbeat;
  try {
    const decoded = decode('{"time":1}', MAX);
    assert(!decoded.ok);
    assert.equal(decoded.reason, "op is missing");
  } finally {
    delete prototype.op;
  }
});

/** An Identify of exactly `length` bytes, padded with `filler` and then "x". */
function identifyOf(length: number, filler: string): string {
  const frame = (token: string) => `{"op":1,"token":"${token}"}`;
  const room = length - bytes(frame("")).length;
  const count = Math.floor(room / bytes(filler).length);
  return frame(filler.repeat(count) + "x".repeat(room - count * bytes(filler).length));
}

for (const filler of ["x", "é", "€", "😀", "\ud800"]) {
  const name = JSON.stringify(filler);
  Deno.test(`decode() counts bytes, not characters: ${name} up to the limit`, () => {
    for (const limit of [100, MAX]) {
      for (const offset of [-2, -1, 0, 1, 2, 3, 4]) {
        const text = identifyOf(limit + offset, filler);
        assert.equal(bytes(text).length, limit + offset);
        const decoded = decode(text, limit);
        assert.equal(decoded.ok, offset <= 0, `${offset} bytes past ${limit}`);
        if (!decoded.ok) {
          assert.deepEqual(decoded, {
            ok: false,
            code: 1009,
            reason: `frame is longer than ${limit} bytes`,
          });
        }
      }
    }
  });
}

Deno.test("decode() looks at the length before all else", () => {
  const inputs = ["x".repeat(MAX + 1), "[".repeat(100_000), new Uint8Array(MAX + 1)];
  for (const input of inputs) {
    const decoded = decode(input, MAX);
    assert(!decoded.ok);
    assert.equal(decoded.code, 1009);
  }
  const binary = decode(new Uint8Array(MAX), MAX);
  assert(!binary.ok);
  assert.equal(binary.code, 4001);
});

Deno.test("decode() and encode() give every time back exactly", () => {
  for (const time of ["0", "1", "1579276740336", "4503599627370497", "9007199254740991"]) {
    const decoded = decode(`{"op":10,"time":${time}}`, MAX);
    assert(decoded.ok && decoded.frame.op === Op.Heartbeat);
    const answer = encode({ op: Op.HeartbeatAck, time: decoded.frame.time });
    assert.equal(answer, `{"op":11,"time":${time}}`);
  }
});

Deno.test("encode() writes op first, and no field that is absent", () => {
  assert.equal(
    encode({ op: Op.Hello, heartbeat_interval: 45_000 }),
    '{"op":0,"heartbeat_interval":45000}',
  );
  assert.equal(
    encode({ op: Op.Ready, user: "7", last_id: "e-1" }),
    '{"op":2,"user":"7","last_id":"e-1"}',
  );
  assert.equal(
    encode({ op: Op.Ready, user: "7", last_id: "e-1", resumed: false }),
    '{"op":2,"user":"7","last_id":"e-1","resumed":false}',
  );
  assert.equal(
    encode({ op: Op.Message, id: "e-2", author: "7", content: { a: [null] }, time: 1 }),
    '{"op":3,"id":"e-2","author":"7","content":{"a":[null]},"time":1}',
  );
});
