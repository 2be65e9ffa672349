/**
 * Socket.IO on Node, by WebSocket only, one channel, no tokens.
 *
 * @module
 */

import { Server } from "socket.io";
import { serve } from "./http.mjs";

const HOUR_MS = 3_600_000;

const server = serve((messages) => {
  for (const message of messages) io.emit("message", message);
});
const io = new Server(server, {
  transports: ["websocket"],
  pingInterval: HOUR_MS,
  serveClient: false,
});
