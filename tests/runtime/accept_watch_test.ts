/**
 * The watch over a listener that may stop accepting, on a real socket.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { watchAccepting } from "../../gateway/runtime/accept_watch.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { within } from "../conformance/support/wait.ts";
import { needs, testUnless } from "../permissions.ts";

/** While `deaf`, a connection causes the event `swallowed` instead of `connection`. */
class Listener extends net.Server {
  deaf = false;

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    const [socket] = args;
    if (event !== "connection" || !this.deaf) return super.emit(event, ...args);
    assert(socket instanceof net.Socket);
    socket.destroy();
    return super.emit("swallowed");
  }
}

for (const host of ["127.0.0.1", "0.0.0.0"]) {
  testUnless(needs("net"))(
    `watchAccepting() notices two failed probes in a row, ${host}`,
    async () => {
      const server = new Listener();
      server.on("connection", (socket) => socket.destroy());
      server.listen(0, host);
      await once(server, "listening");
      const clock = new FakeClock();
      let failed = 0;
      const stop = watchAccepting(server, clock, () => failed += 1);
      const probe = async (deaf: boolean): Promise<void> => {
        server.deaf = deaf;
        const arrived = once(server, deaf ? "swallowed" : "connection");
        await clock.advance(2000);
        await within("the probe", arrived);
        if (deaf) await clock.advance(1000);
      };
      const failures: number[] = [];
      for (const deaf of [true, false, true, true, true, true]) {
        await probe(deaf);
        failures.push(failed);
      }
      assert.deepEqual(failures, [0, 0, 0, 1, 1, 2]);
      stop();
      assert.equal(clock.pending, 0);
      server.close();
      await once(server, "close");
    },
  );
}

testUnless(needs("net"))("watchAccepting() ends its probe once that was accepted", async () => {
  const server = net.createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const clock = new FakeClock();
  let failed = 0;
  const stop = watchAccepting(server, clock, () => failed += 1);
  // A probe follows each probe, so the watch goes on.
  for (const _ of [1, 2, 3]) {
    const accepted = once(server, "connection");
    await clock.advance(2000);
    const [socket]: net.Socket[] = await within("the probe", accepted);
    assert(socket !== undefined);
    socket.resume();
    await within("the end of the probe", once(socket, "close"));
  }
  assert.equal(failed, 0);
  stop();
  assert.equal(clock.pending, 0);
  server.close();
  await once(server, "close");
});
