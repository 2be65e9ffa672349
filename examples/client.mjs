// The smallest client, for Deno, Node 22 or later, and, apart from argv, browsers:
// node examples/client.mjs ws://127.0.0.1:8000/gateway "$TOKEN"
import { argv } from "node:process";

const [url, token] = argv.slice(2);
const socket = new WebSocket(url);
const send = (frame) => socket.send(JSON.stringify(frame));
socket.onmessage = ({ data }) => {
  const frame = JSON.parse(data);
  if (frame.op === 0) send({ op: 1, token });
  if (frame.op === 10) send({ op: 11, time: frame.time });
  if (frame.op === 2) console.log(`ready as ${frame.user}`);
  if (frame.op === 3) console.log(`${frame.author}: ${JSON.stringify(frame.content)}`);
};
socket.onclose = ({ code, reason }) => console.log(`closed with ${code} ${reason}`);
