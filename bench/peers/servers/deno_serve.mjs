/**
 * The bare server of the gateway's `deno` transport: `Deno.serve` and `Deno.upgradeWebSocket`, one channel,
 * no tokens.
 *
 * Like the other bare servers it sends message by message. Client by client, a burst costs half of that, as a
 * client that is sent several messages in a row reads them at once.
 *
 * @module
 */

const clients = new Set();

async function answer(request) {
  if (request.headers.get("upgrade") === "websocket") {
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    socket.onopen = () => clients.add(socket);
    socket.onclose = () => clients.delete(socket);
    return response;
  }
  if (request.url.endsWith("/echo")) return new Response(await request.text());
  for (const message of await request.json()) {
    const text = JSON.stringify(message);
    for (const client of clients) client.send(text);
  }
  return new Response("published");
}

Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen: () => {} }, answer);
