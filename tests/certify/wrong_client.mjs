// A client with one fault, named by its argument; without one it follows the protocol. Each fault is meant to fail
// one check of `certify` (faults.ts, misuse_test.ts).
import process, { argv, env, exit } from "node:process";

const fault = argv[2] ?? "none";
const has = (name) => fault === name;
const print = (line) => has("prints nothing") || console.log(JSON.stringify(line));
const now = () => performance.now();

const FINAL = [1002, 1007, 1008, 1009, 4001, 4010, 4011];
const KNOWN = [1011, 1012, 1013, 4002, 4003, 4004, 4008, 4009, 1005, 1006];
const FIELDS = ["op", "id", "channel", "author", "content", "time", "replayed"];

let token, lastId, socket;
let renewAt = Infinity;
let failures = 0;
let refusals = 0;
let countedAt = -Infinity;
let sessions = 0;
let leaving = false;
const printed = new Set();

async function login() {
  const response = await fetch(env.GATEWAY_LOGIN_URL, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user: env.GATEWAY_USER, password: "any" }),
  });
  const { expires_in, ...answer } = await response.json();
  token = answer.token;
  if (has("logs its token")) console.error(`token ${token}`);
  renewAt = now() +
    (has("renews a minute before expiry") ? 1000 * (expires_in - 60) : 800 * expires_in);
}

async function connect() {
  const late = has("connects before it logs in");
  if (!late && (token === undefined || now() >= renewAt)) await login();
  const leaks = has("token in the URL") || has("a token in the second URL") && sessions > 0;
  const url = env.GATEWAY_URL + (leaks ? `?token=${token}` : "");
  const { WebSocket } = has("ten pings in a second") ? await import("ws") : globalThis;
  const current = new WebSocket(url);
  socket = current;
  const session = new Session(current);
  current.onopen = async () => {
    if (late && token === undefined) await login();
    if (has("ends after 1013")) session.identify();
    if (has("heartbeats before Ready")) session.send({ op: 10, time: Date.now() });
  };
  current.onclose = ({ code }) => session.end(code || 1006);
  current.onerror = () => current.readyState === 3 && session.end(1006);
  current.onmessage = ({ data }) => socket === current && session.read(data);
}

class Session {
  timers = [];
  readyAt;
  unanswered;
  replaying = false;
  savedAt = -Infinity;
  intervalMs = 45_000;

  constructor(webSocket) {
    this.webSocket = webSocket;
  }

  send(frame) {
    if (this.webSocket.readyState === 1) this.webSocket.send(JSON.stringify(frame));
  }

  end(code) {
    if (socket !== this.webSocket) return;
    socket = undefined;
    for (const timer of this.timers) clearInterval(timer);
    if (!has("keeps a dead connection open")) this.webSocket.close();
    ended(code, this.readyAt);
  }

  read(text) {
    if (has("a frame begins with a brace") && text[0] !== "{") return;
    if (has("reads 32 KB at most") && text.length > 32_768) return this.end(1006);
    const frame = JSON.parse(text);
    this.heardAt = now();
    if (frame.op === 0) this.hello(frame);
    else if (frame.op === 2) this.ready(frame);
    else if (frame.op === 3) this.message(frame, text);
    else if (frame.op === 10) this.heartbeat(frame);
    else if (frame.op === 11) this.unanswered = undefined;
    else if (has("leaves at an unknown op")) this.end(1006);
  }

  async hello({ heartbeat_interval }) {
    this.intervalMs = heartbeat_interval;
    if (!has("ends after 1013")) await this.identify();
  }

  async identify() {
    while (token === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
    const identify = { op: 1, token };
    if (lastId !== undefined) identify.last_id = lastId;
    else if (has("an empty last_id")) identify.last_id = "";
    if (has("a long Identify")) identify.device = "x".repeat(5000);
    if (has("a 2 MB Identify")) identify.device = "x".repeat(2e6);
    this.send(identify);
  }

  ready({ last_id, resumed }) {
    const forgets = has("forgets the id of Ready") && resumed === undefined ||
      has("keeps its id after a gap") && resumed === false;
    if (!forgets) lastId = last_id;
    if (has("a session at each Ready") && this.readyAt !== undefined) print({ ready: true });
    if (this.readyAt !== undefined) return;
    this.readyAt = now();
    refusals = 0;
    sessions += 1;
    if (has("resets its delay on Ready")) failures = 0;
    print({ ready: true });
    const gap = resumed === false && !has("is silent about a gap") ||
      resumed === true && has("a gap at every return");
    if (gap) print({ gap: true });
    if (has("2 MB after Ready") || has("2 MB, and back after 1009") && sessions === 1) {
      this.send({ op: 10, time: 1, text: "x".repeat(2e6) });
    }
    this.watch();
    this.renew();
    if (has("a second connection") && sessions > 1) {
      const second = new WebSocket(env.GATEWAY_URL);
      setTimeout(() => second.close(), 300);
    }
  }

  watch() {
    const every = (ms, act) => this.timers.push(setInterval(act, ms));
    if (has("assumes an interval of 1.5 s")) {
      return every(500, () => now() - this.heardAt > 3000 && this.end(1006));
    }
    if (has("ten heartbeats in a second")) every(100, () => this.send({ op: 10, time: 1 }));
    if (has("ten pings in a second")) every(100, () => this.webSocket.ping());
    every(this.intervalMs, () => {
      if (has("never looks for a dead server")) return;
      if (this.unanswered !== undefined) return this.end(1006);
      this.unanswered = Date.now();
      this.send({ op: 10, time: this.unanswered });
    });
  }

  renew() {
    if (has("never renews its token")) return;
    const timer = setTimeout(async () => {
      if (has("renews by a new connection")) return this.end(4003);
      await login();
      this.send({ op: 1, token });
      this.renew();
    }, Math.min(renewAt - now(), 2 ** 31 - 1));
    this.timers.push(timer);
  }

  message(frame, text) {
    const { id, content, time, replayed = false } = frame;
    const ignored = has("ignores content null") && content === null ||
      has("ignores falsy content") && !content && content !== null ||
      has("needs a channel") && frame.channel === undefined ||
      has("needs a date") && time > 8.64e15 ||
      has("rejects lone surrogates") && /\\ud[89a-f]/.test(JSON.stringify(content)) ||
      has("rejects unknown fields") && !Object.keys(frame).every((name) => FIELDS.includes(name));
    if (ignored) return;
    this.replaying = replayed;
    const untold = has("passes on no null") && content === null ||
      has("passes on no falsy content") && !content && content !== null ||
      has("passes on no lone surrogates") && /\\ud[89a-f]/.test(JSON.stringify(content)) ||
      has("stores no id in a replay") && printed.has(id);
    const tell = () => print({ message: has("prints numbers for ids") ? 7 : id });
    if (has("stores an id before the app has it")) this.timers.push(setTimeout(tell, 2000));
    else if (!untold) tell();
    if (has("replayed messages twice") && replayed) print({ message: id });
    printed.add(id);
    if (has("stores no id in a replay") && replayed) return;
    if (has("stores an id once a second") && !replayed && now() - this.savedAt < 1000) return;
    this.savedAt = now();
    const raw = has("reads ids by a regular expression");
    const seen = raw ? /"id":"([^"]*)"/.exec(text)?.[1] ?? lastId : id;
    if (has("numbers for ids")) lastId = String(parseInt(seen.split("-")[1]));
    else if (!has("the greatest id as text") || !(lastId > seen)) lastId = seen;
  }

  heartbeat({ time }) {
    if (has("ignores time 0") && !time) return;
    if (has("no ACK before Ready") && this.readyAt === undefined) return;
    if (has("no ACK during a replay") && this.replaying) return;
    const ack = () =>
      this.send({ op: 11, time: has("another time in ACKs") ? Date.now() + 1 : time });
    if (has("late ACKs")) setTimeout(ack, 3000);
    else ack();
  }
}

function ended(code, readyAt) {
  if (leaving) return exit();
  if (code === 4003 && !(has("a refused token again") && readyAt === undefined)) token = undefined;
  if (has("a new token at every return")) token = undefined;
  if (code === 4003 && readyAt === undefined && now() - countedAt >= 15_000) {
    refusals += 1;
    countedAt = now();
  }
  if (isFinal(code, readyAt)) {
    if (!has("is silent about its end")) print({ ended: String(code) });
    if (!has(`returns after ${code}`) && !has(`2 MB, and back after ${code}`)) return exit();
  }
  const lasted = readyAt !== undefined && now() - readyAt >= 10_000 &&
    !has("no reset after a session");
  const restart = readyAt !== undefined && code === 1012 && !has("no reset after 1012");
  if (lasted || restart) failures = 0;
  if (code === 4008 && !has("soon back after 4008")) failures = 10;
  if (has("failed attempts do not count") && readyAt === undefined) failures = 0;
  const aboutASecond = has("a second or so between attempts") && readyAt === undefined ||
    has("a second or so after a session") && readyAt !== undefined && !lasted && code === 1006;
  if (aboutASecond) retry(500 + 1000 * Math.random());
  else if (code === 4008 && has("up to two seconds after 4008")) retry(2000 * Math.random());
  else retry();
}

let refused = 0;

function isFinal(code, readyAt) {
  if (code === 4003 && readyAt === undefined) refused += 1;
  return FINAL.includes(code) || has(`ends after ${code}`) ||
    has("ends after an unknown code") && !FINAL.includes(code) && !KNOWN.includes(code) ||
    has("ends with a session's 4003") && code === 4003 && readyAt !== undefined ||
    has("gives up at the third refusal") && refused >= 3 ||
    refusals === 5 && !has("never gives up");
}

function retry(delayMs) {
  const limitMs = Math.min(500 * 2 ** failures, 20_000);
  failures += 1;
  const part = has("the same delay for all") ? 0.5 : Math.random();
  setTimeout(connect, delayMs ?? part * limitMs);
}

process.on("SIGTERM", () => {
  if (has("leaves without a close frame")) exit();
  leaving = true;
  if (socket === undefined) exit();
  if (has("closes without a code")) socket.close();
  else socket.close(1000);
  setTimeout(exit, 1000);
});

connect();
