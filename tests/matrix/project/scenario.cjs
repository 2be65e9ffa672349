/**
 * What each runtime and test runner does with the client: it connects, receives, comes back after its gateway
 * was killed, and goes on where it was. With fake timers it also notices a gateway that has stopped answering.
 *
 * `ask(what)` has the harness do something, or notes what was seen; it resolves when that is done. `advance(ms)`
 * moves fake timers; where it is missing, timers are real.
 */

/** The interval of the gateway's heartbeats, in milliseconds. */
const HEARTBEAT_MS = 45_000;

module.exports = async function scenario(options) {
  const { GatewayClient, WebSocket, url, token, ask, advance } = options;
  const gateway = new GatewayClient({ url, getToken: () => token, WebSocket });
  gateway.on("error", ({ message }) => ask(`saw error: ${message}`));

  /** The next event of this type. */
  const next = (type) =>
    new Promise((resolve) => {
      const stop = gateway.on(type, (event) => {
        stop();
        resolve(event);
      });
    });

  /** A session that has begun, and whose first heartbeat is answered. */
  const session = async () => {
    const answered = next("roundtrip");
    const { user, resumed } = await next("ready");
    await ask(`saw ready as ${user}${resumed === undefined ? "" : `, resumed: ${resumed}`}`);
    await answered;
  };

  const messages = gateway[Symbol.asyncIterator]();
  const receive = async () => ask(`saw message ${(await messages.next()).value.content}`);

  /** The connection ends; once `repaired`, the client comes back with what it missed. */
  const outage = async (disconnected, repaired) => {
    const { code, reason, retryInMs } = await disconnected;
    await ask(`saw disconnect ${code}${reason.includes("heartbeat") ? `: ${reason}` : ""}`);
    const again = session();
    await repaired();
    await advance?.(retryInMs);
    await again;
    await receive();
  };

  await session();
  await ask("publish first");
  await receive();
  const killed = next("disconnect");
  const restarted = ask("restart and publish missed");
  await outage(killed, () => restarted);
  if (advance !== undefined) {
    await ask("freeze");
    const disconnected = next("disconnect");
    // Until the heartbeat is due, then until its answer is.
    await advance(HEARTBEAT_MS);
    await advance(HEARTBEAT_MS);
    await outage(disconnected, () => ask("thaw and publish missed"));
  }
  await gateway.close();
  await ask("saw the end");
};
