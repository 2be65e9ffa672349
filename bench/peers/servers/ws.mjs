/**
 * The bare server of the gateway's `node` transport, on Deno and on Node: node:http and `ws`, one channel,
 * no tokens. A message is encoded once. `POST /publish?cork` writes what one client gets in one piece, which
 * `ws` leaves to those who know of it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { WebSocketServer } from "ws";
import { serve } from "./http.mjs";

const server = serve((messages, url) => {
  const frames = messages.map((message) => Buffer.from(JSON.stringify(message)));
  if (url.endsWith("?cork")) return sendCorked(frames);
  for (const frame of frames) {
    for (const client of wss.clients) client.send(frame, { binary: false });
  }
});
const wss = new WebSocketServer({ server, perMessageDeflate: false });

function sendCorked(frames) {
  for (const client of wss.clients) {
    client._socket.cork();
    for (const frame of frames) client.send(frame, { binary: false });
    client._socket.uncork();
  }
}
