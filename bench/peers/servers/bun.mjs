/**
 * Bun's own WebSocket server and its publish, one channel, no tokens.
 *
 * @module
 */

const CHANNEL = "bench";

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(Bun.argv[2]),
  async fetch(request, server) {
    if (request.headers.get("upgrade") === "websocket") {
      return server.upgrade(request) ? undefined : new Response("no WebSocket", { status: 400 });
    }
    if (request.url.endsWith("/echo")) return new Response(await request.text());
    for (const message of await request.json()) server.publish(CHANNEL, JSON.stringify(message));
    return new Response("published");
  },
  websocket: {
    idleTimeout: 0,
    sendPings: false,
    open: (socket) => socket.subscribe(CHANNEL),
    message: () => {},
  },
});
