/**
 * The mock gateway in JavaScript, where nothing checks arguments: each mistake is refused with its name and what was
 * expected, and nothing has happened.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  createMockGateway,
  FakeClock,
  type MockGateway,
  Replay,
  runChaos,
} from "../../mock/mod.ts";
import { gatewayWith } from "../../mock/fixtures/vitest.ts";
import { Player } from "./support/player.ts";

// As JavaScript sees it.
// deno-lint-ignore no-explicit-any
type Untyped = any;

const HELLO = { author: "bob", content: "hello" };

/** Mistakes in calls of a gateway. */
const CALLS: Readonly<Record<string, readonly [(gateway: Untyped) => unknown, RegExp]>> = {
  "a misspelt channel": [
    (gateway) => gateway.publish({ chanel: "general", ...HELLO }),
    /^publish\(\): chanel: Unrecognized key: "chanel", expected channel, user, author, content$/,
  ],
  "a channel that is undefined": [
    (gateway) => gateway.publish({ channel: undefined, ...HELLO }),
    /^publish\(\): channel: is undefined; leave it out to publish to everyone$/,
  ],
  "the second of two messages": [
    (gateway) => gateway.publish(HELLO, { author: "bob" }),
    /^publish\(\): \[1\]\.content: is missing, expected any JSON$/,
  ],
  "a content that JSON lacks": [
    (gateway) => gateway.publish({ author: "bob", content: () => {} }),
    /^publish\(\): content: is missing, expected any JSON$/,
  ],
  "an array of messages": [
    (gateway) => gateway.publish([HELLO]),
    /^publish\(\): expected object, received array$/,
  ],
  "no message": [
    (gateway) => gateway.publish(),
    /^publish\(\): Too small: expected array to have >=1/,
  ],
  "a text for a message": [
    (gateway) => gateway.publish("hi"),
    /^publish\(\): expected object, rec/,
  ],
  "channel and user": [
    (gateway) => gateway.publish({ channel: "general", user: "alice", ...HELLO }),
    /^publish\(\): channel and user together, expected one of them or neither$/,
  ],
  "a message that is too long": [
    (gateway) => gateway.publish({ author: "bob", content: "x".repeat(70_000) }),
    /^publish\(\): is longer than 65536 bytes of JSON$/,
  ],
  "a signal without author": [
    (gateway) => gateway.signal({ content: "typing" }),
    /^signal\(\): author: is missing, expected string$/,
  ],
  "close() with nothing else": [
    (gateway) => gateway.close("c1"),
    /^close\(\): code: is missing, expected number$/,
  ],
  "close() with a number": [
    (gateway) => gateway.close("c1", 4010),
    /^close\(\): expected object, received number$/,
  ],
  "close() without a target": [
    (gateway) => gateway.close({ code: 4010 }),
    /^close\(\): is no target, expected "all" or the id of a connection, such as "c1"$/,
  ],
  "a code that no frame has": [
    (gateway) => gateway.close("all", { code: 1006 }),
    /^close\(\): code: is no code that a close frame may carry$/,
  ],
  "drop() as over HTTP": [
    (gateway) => gateway.drop({ half_open: true }),
    /^drop\(\): is no target/,
  ],
  "freeze() of a connection": [
    (gateway) => gateway.freeze(gateway.connections[0]),
    /^freeze\(\): is/,
  ],
  "send() of a frame": [
    (gateway) => gateway.send("all", { op: 99 }),
    /^send\(\): expected either \{ text \} or \{ json \}$/,
  ],
  "a misspelt fault": [
    (gateway) => gateway.setFaults("all", { delay: 5 }),
    /^setFaults\(\): delay: .* expected stopHeartbeats, withholdAcks, loseClientAcks, delayMs$/,
  ],
  "a delay as a text": [
    (gateway) => gateway.setFaults("all", { delayMs: "5" }),
    /^setFaults\(\): delayMs: expected number, received string$/,
  ],
  "no fault": [(gateway) => gateway.setFaults("all"), /^setFaults\(\): empty, expected a fault$/],
  "a misspelt claim": [
    (gateway) => gateway.token({ usr: "bob" }),
    /^token\(\): usr: .*, expected user, channels, expiresInS, fault, claims$/,
  ],
  "a token's unknown fault": [
    (gateway) => gateway.token({ fault: "expird" }),
    /^token\(\): fault: Invalid option: expected one of "expired"\|/,
  ],
  "the issuer's unknown fault": [
    (gateway) => gateway.issuer.token({ fault: "expird" }),
    /^token\(\): fault: expird is unknown, expected one of expired, not_yet_valid, /,
  ],
  "chaos without a gateway": [
    () => (runChaos as Untyped)({ seed: 1, minutes: 1 }),
    /^runChaos\(\): expected a gateway and options$/,
  ],
  "new": [
    ({ constructor }) => new constructor(),
    /^MockGateway: expected await createMockGateway\(\)$/,
  ],
  "a login without password": [
    (gateway) => gateway.login({ user: "bob" }),
    /^login\(\): password: is missing, expected string$/,
  ],
  "ids that are one text": [
    (gateway) => gateway.delivered("alice", "mock0-1"),
    /^delivered\(\): ids: expected array, received string$/,
  ],
  "a start that is a date": [
    (gateway) => gateway.reset({ startMs: new Date() }),
    /^reset\(\): startMs: expected number, received Date$/,
  ],
  "a rule's misspelt match": [
    (gateway) => gateway.rules.add({ match: { opcode: 3 }, action: { type: "lose" } }),
    /^rules\.add\(\): match\.opcode: .* expected on, connection, user, op, replayed, nth$/,
  ],
  "a rule's unknown action": [
    (gateway) => gateway.rules.add({ action: { type: "explode" } }),
    /^rules\.add\(\): action\.type: expected one of lose, delay, /,
  ],
  "chaos without an end": [
    (gateway) => runChaos(gateway, { seed: 1 } as Untyped),
    /^runChaos\(\): minutes: is missing, expected number$/,
  ],
  "a time as a text": [
    (gateway) => gateway.advance("5"),
    /^advance\(\): expected milliseconds, a number from 0, received "5"$/,
  ],
  "no time": [(gateway) => gateway.advance(), /^advance\(\): .* received undefined$/],
  "a time back": [(gateway) => gateway.advance(-1), /^advance\(\): .* received -1$/],
  "a time that is none": [(gateway) => gateway.advance(NaN), /^advance\(\): .* received NaN$/],
  "a clock that follows": [
    (gateway) => gateway.clock.follow({ tick() {} }),
    /^follow\(\): expected a function, or undefined$/,
  ],
  "a timer's delay as a text": [
    (gateway) => gateway.clock.setTimer("5", () => {}),
    /^setTimer\(\): expected milliseconds, a number from 0, received "5"$/,
  ],
  "a timer without callback": [
    (gateway) => gateway.clock.setTimer(5),
    /^setTimer\(\): expected a callback$/,
  ],
};

/** Mistakes in the options. */
const OPTIONS: Readonly<Record<string, readonly [unknown, RegExp]>> = {
  "an option of a connection": [
    { heartbeatIntervalMs: 5 },
    /^createMockGateway\(\): heartbeatIntervalMs: .* expected startMs, connection, limits, /,
  ],
  "a text for a number": [
    { connection: { heartbeatIntervalMs: "5" } },
    /^createMockGateway\(\): connection\.heartbeatIntervalMs: expected number, received string$/,
  ],
  "an interval of 0, which would never end": [
    { connection: { heartbeatIntervalMs: 0 } },
    /^createMockGateway\(\): connection\.heartbeatIntervalMs: Too small: expected number to be >0$/,
  ],
  "a misspelt limit": [{ limits: { connections: 5 } }, /: limits\.connections: .* maxConnections,/],
  "a logger without methods": [
    { logger: {} },
    /: logger: is no logger, expected the methods debug,/,
  ],
  "null": [null, /^createMockGateway\(\): expected object, received null$/],
};

async function refused(name: string, act: () => unknown, message: RegExp): Promise<void> {
  await assert.rejects(async () => await act(), (error) => {
    assert.ok(error instanceof TypeError || error instanceof RangeError, `${name}: ${error}`);
    assert.match(error.message, message, name);
    return true;
  });
}

Deno.test("the mock gateway refuses mistakes by name, and nothing happens", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.ready(gateway);
  const before = [gateway.clock.now(), gateway.transcript.length];
  for (const [name, [act, message]] of Object.entries(CALLS)) {
    await refused(name, () => act(gateway), message);
  }
  await gateway.settled();
  assert.deepEqual([gateway.clock.now(), gateway.transcript.length], before);
  assert.deepEqual([player.messages, gateway.rules.list], [[], []]);
  await gateway.publish(HELLO);
  assert.deepEqual(player.messages, ["hello"]);
});

Deno.test("createMockGateway() and the fixtures refuse unknown options by name", async () => {
  for (const [name, [options, message]] of Object.entries(OPTIONS)) {
    await refused(name, () => createMockGateway(options as Untyped), message);
  }
  const fixture = gatewayWith({ publishkey: "x" } as Untyped);
  await refused(
    "a fixture",
    () => fixture({}, () => Promise.resolve()),
    /publishkey: .* publishKey/,
  );
});

Deno.test("publish() takes a content as JSON does, and keeps it", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.ready(gateway);
  const content = { at: new Date(0), none: undefined, list: [1] };
  const [message] = await (gateway as Untyped).publish({ author: "bob", content });
  content.list.push(2);
  const expected = { at: "1970-01-01T00:00:00.000Z", list: [1] };
  assert.deepEqual([message.content, player.messages], [expected, [expected]]);
});

Deno.test("publish() and signal() name a content that JSON cannot hold", async () => {
  await using gateway = await createMockGateway();
  const circle: Record<string, unknown> = {};
  circle["of"] = circle;
  for (const content of [1n, circle]) {
    const draft = { author: "a", content } as Untyped;
    const expected = /^publish\(\): content: expected any JSON: TypeError: [^\n]+$/;
    await refused("publish", () => gateway.publish(draft), expected);
    await refused("signal", () => gateway.signal(draft), /^signal\(\): content: expected any JSON/);
  }
});

Deno.test("Replay refuses what is no recording", async () => {
  for (const recording of [undefined, {}, "[]", ["sent"], [{ at: "now", event: "sent" }], [null]]) {
    const act = (): unknown => new (Replay as Untyped)(recording);
    await refused(JSON.stringify(recording), act, /^Replay: no recording, expected an array of /);
  }
  const empty = (): unknown => new (Replay as Untyped)([]);
  await refused("an empty one", empty, /^Replay: the recording has no connection/);
});

Deno.test("FakeClock.advance() refuses a text", async () => {
  await refused("a text", () => (new FakeClock() as Untyped).advance("5"), /received "5"$/);
});

Deno.test("what was allowed stays allowed: claims that are removed, options and faults that are undefined", async () => {
  const gateway: MockGateway = await createMockGateway({ startMs: undefined } as Untyped);
  await using _ = gateway;
  const token = await gateway.token({ claims: { exp: undefined, extra: [1] } });
  const claims = JSON.parse(atob(token.split(".")[1] ?? ""));
  assert.deepEqual([claims.exp, claims.extra], [undefined, [1]]);
  const faults = { delayMs: undefined, withholdAcks: true } as Untyped;
  await gateway.setFaults("all", faults);
  await Player.ready(gateway);
  assert.equal(gateway.connections[0]?.faults.delayMs, 0);
});
