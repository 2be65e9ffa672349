/**
 * The harness that keeps a client's clock in step: it may answer wrongly, late or never, and virtual time goes on.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FakeClock, settle } from "../../mock/doubles/clock.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { FakeSocket } from "../../mock/doubles/socket.ts";
import { MockGateway } from "../../mock/gateway/gateway.ts";
import { ClockSteps } from "../../mock/server/clock_steps.ts";

async function setUp() {
  const gateway = await MockGateway.create();
  const [clock, logger] = [new FakeClock(), new FakeLogger()];
  const steps = new ClockSteps({ gateway, clock, logger, poll: () => Promise.resolve() });
  const connect = (): FakeSocket => {
    const socket = new FakeSocket();
    const response = steps.connect({
      address: "192.0.2.1",
      readBody: () => assert.fail("a handshake has no body"),
      upgrade: (listener) => {
        listener.opened(socket);
        return new Response();
      },
    });
    assert.equal(response.status, 200);
    return socket;
  };
  /** Begins to advance, until the harness has been asked `moves` times. */
  const advance = async (ms: number, socket: FakeSocket, moves = 1): Promise<Promise<void>[]> => {
    const done = gateway.advance(ms);
    for (let turn = 0; turn < 100 && socket.sent.length < moves; turn++) await settle();
    assert.equal(socket.sent.length, moves);
    return [done];
  };
  return { gateway, clock, logger, steps, connect, advance };
}

Deno.test("a harness that does not answer is closed after 10 s of real time, for each move", async () => {
  const { gateway, clock, logger, steps, connect, advance } = await setUp();
  const socket = connect();
  const [first] = await advance(100, socket);
  await clock.advance(9_999);
  socket.receiveFrame({ moved_ms: 60 });
  for (let turn = 0; turn < 100 && socket.sent.length < 2; turn++) await settle();
  const reset = gateway.reset({ startMs: 5 });
  await clock.advance(9_999);
  assert.deepEqual([socket.closeFrame, gateway.clock.elapsedMs], [undefined, 60]);
  await clock.advance(1);
  const reason = "no answer to move_ms in 10 s";
  assert.deepEqual(socket.closeFrame, { code: 1008, reason });
  await first;
  await reset;
  assert.equal(gateway.clock.now(), 5);
  assert.deepEqual(
    logger.lines.map(({ level, message, fields }) => [level, message, fields["reason"]]),
    [["warn", "harness closed; time goes on without it", reason]],
  );
  assert.deepEqual([steps.isConnected, clock.pending], [false, 0]);
});

/** Ways to end a harness while it is asked to move, and the code with which it is closed. */
const ENDS: Record<string, [end: (socket: FakeSocket, steps: ClockSteps) => void, code?: number]> =
  {
    "disconnects": [(socket) => socket.peerClosed()],
    "answers something else": [(socket) => socket.receiveFrame({ moved_ms: 0 }), 1008],
    "sends a frame that is too long": [(socket) => socket.violate(1009), 1009],
    "loses its world": [(_, steps) => steps.close(), 1012],
  };

for (const [what, [end, code]] of Object.entries(ENDS)) {
  Deno.test(`time goes on at once without a harness that ${what}, and in step with the next`, async () => {
    const { gateway, clock, steps, connect, advance } = await setUp();
    const old = connect();
    const [first] = await advance(100, old);
    end(old, steps);
    await first;
    assert.deepEqual([old.closeFrame?.code, clock.pending], [code, 0]);
    const next = connect();
    const [second] = await advance(50, next);
    // The next does not notice late frames and the end of the old one.
    if (old.state !== "closed") {
      old.receiveFrame({ moved_ms: 7 });
      old.peerClosed();
    }
    assert.ok(steps.isConnected);
    next.receiveFrame({ moved_ms: 50, fired: false });
    await second;
    assert.deepEqual([gateway.clock.elapsedMs, next.closeFrame], [150, undefined]);
  });
}
