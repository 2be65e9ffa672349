// A whole client without a library, for Deno and Node 22 or later: node examples/client.mjs
// It prints what its app sees as JSON lines. GATEWAY_URL, GATEWAY_LOGIN_URL and GATEWAY_USER say what to connect to.
import process, { env, exit } from "node:process";

const url = env.GATEWAY_URL ?? "ws://127.0.0.1:8000/gateway";
const loginUrl = env.GATEWAY_LOGIN_URL ?? "http://127.0.0.1:8000/login";
const user = env.GATEWAY_USER ?? "alice";
const print = (line) => console.log(JSON.stringify(line));

// The codes after which reconnecting would not help.
const FINAL = [1002, 1007, 1008, 1009, 4001, 4010, 4011];

let token; // The current one, and the time to replace it.
let renewAt = Infinity;
let lastId; // The position to resume from.
let failures = 0;
let refusals = 0;
let countedAt = -Infinity;
let leaving = false;
let socket;

async function login() {
  const response = await fetch(loginUrl, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user, password: "any" }),
  });
  if (!response.ok) throw new Error(`login: ${response.status}`);
  const { expires_in, ...answer } = await response.json();
  token = answer.token;
  // Before it expires: after four fifths of its life, but at least a minute early if it is long.
  renewAt = performance.now() + 1000 * Math.max(0.8 * expires_in, expires_in - 60);
}

async function connect() {
  try {
    if (token === undefined || performance.now() >= renewAt) await login();
  } catch {
    return retry();
  }
  if (leaving) return;
  const current = new WebSocket(url);
  socket = current;
  const send = (frame) => current.readyState === 1 && current.send(JSON.stringify(frame));
  let opened, intervalMs, readyAt, beat, renewal, unanswered;
  // Called once, whichever side ends the connection first.
  const end = (code) => {
    if (socket !== current) return;
    socket = undefined;
    clearInterval(beat);
    clearTimeout(renewal);
    current.close();
    ended(code, readyAt);
  };
  // Deno reports 0 where the standard requires 1006.
  current.onclose = ({ code }) => end(code || 1006);
  // Node 22 reports a WebSocket that does not open as an error only.
  current.onopen = () => opened = true;
  current.onerror = () => opened || end(1006);
  current.onmessage = ({ data }) => {
    if (socket !== current) return;
    const frame = JSON.parse(data);
    if (frame.op === 0) {
      intervalMs = frame.heartbeat_interval;
      send({ op: 1, token, ...(lastId === undefined ? {} : { last_id: lastId }) });
    } else if (frame.op === 2) {
      lastId = frame.last_id;
      if (readyAt !== undefined) return; // The answer to a renewal.
      readyAt = performance.now();
      refusals = 0;
      print({ ready: true });
      if (frame.resumed === false) print({ gap: true });
      scheduleRenewal();
      beat = setInterval(() => {
        if (unanswered !== undefined) return end(1006); // The server or the network is dead.
        unanswered = Date.now();
        send({ op: 10, time: unanswered });
      }, intervalMs);
    } else if (frame.op === 3) {
      print({ message: frame.id, author: frame.author, content: frame.content });
      lastId = frame.id;
    } else if (frame.op === 10) {
      send({ op: 11, time: frame.time });
    } else if (frame.op === 11 && frame.time === unanswered) {
      unanswered = undefined;
    }
  };
  const scheduleRenewal = () => {
    renewal = setTimeout(async () => {
      try {
        await login();
        send({ op: 1, token });
      } catch {
        renewAt = performance.now() + 1000;
      }
      scheduleRenewal();
    }, Math.min(renewAt - performance.now(), 2 ** 31 - 1));
  };
}

function ended(code, readyAt) {
  if (leaving) return exit();
  const now = performance.now();
  if (code === 4003) {
    token = undefined;
    // Refusals within 15 s count as one, so that giving up takes a minute.
    if (readyAt === undefined && now - countedAt >= 15_000) {
      refusals += 1;
      countedAt = now;
    }
  }
  if (FINAL.includes(code) || refusals === 5) {
    print({ ended: String(code) });
    return exit();
  }
  if (readyAt !== undefined && (now - readyAt >= 10_000 || code === 1012)) failures = 0;
  if (code === 4008) failures = 10;
  retry();
}

/** A random delay, so that not all clients come back at once. */
function retry() {
  const limitMs = Math.min(500 * 2 ** failures, 20_000);
  failures += 1;
  setTimeout(connect, Math.random() * limitMs);
}

process.on("SIGTERM", () => {
  leaving = true;
  if (socket === undefined) exit();
  socket.close(1000);
  setTimeout(exit, 1000);
});

connect();
