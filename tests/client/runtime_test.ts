/**
 * The parts of the platform that the client uses: long timers, and events of waking up. Values may come
 * from another realm, as under jsdom, and newer globals may be missing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { GatewayClient, type GatewayClientOptions } from "../../client/mod.ts";
import { decodeServerFrame, parseFrame } from "../../client/frames.ts";
import { toError } from "../../client/realm.ts";
import { Emitter } from "../../client/emitter.ts";
import { onWake, resolveUrl, systemClock } from "../../client/runtime.ts";
import { FakeClock, settle } from "../../mock/mod.ts";
import { NoSocket } from "./support.ts";

/** Replaces a global while `act` runs. */
function withGlobal(name: string, value: unknown, act: () => void): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  try {
    act();
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, name);
    else Object.defineProperty(globalThis, name, before);
  }
}

Deno.test("systemClock sets no timer that the platform would let fire at once for its length", () => {
  const delays: unknown[] = [];
  const setTimeout = (_: unknown, delayMs: unknown): number => delays.push(delayMs);
  withGlobal("setTimeout", setTimeout, () => {
    systemClock.setTimer(2 ** 31, () => {});
    systemClock.setTimer(1000, () => {});
  });
  assert.deepEqual(delays, [2 ** 31 - 1, 1000]);
});

Deno.test("onWake() hears of a page that is looked at again, and not of one that is left", () => {
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  let woken = 0;
  withGlobal("document", page, () => {
    const stop = onWake(() => woken++);
    page.dispatchEvent(new Event("visibilitychange"));
    assert.equal(woken, 1);
    page.visibilityState = "hidden";
    page.dispatchEvent(new Event("visibilitychange"));
    globalThis.dispatchEvent(new Event("online"));
    assert.equal(woken, 1);
    page.visibilityState = "visible";
    globalThis.dispatchEvent(new Event("online"));
    globalThis.dispatchEvent(new Event("pageshow"));
    assert.equal(woken, 2);
    // As from the back/forward cache.
    globalThis.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    assert.equal(woken, 3);
    stop();
    page.dispatchEvent(new Event("visibilitychange"));
    globalThis.dispatchEvent(new Event("online"));
    assert.equal(woken, 3);
  });
});

Deno.test("resolveUrl() is relative to the page where there is one", () => {
  withGlobal("location", { href: "https://chat.example.com/app/index.html" }, () => {
    assert.equal(resolveUrl("/gateway"), "wss://chat.example.com/gateway");
    assert.equal(resolveUrl("gateway"), "wss://chat.example.com/app/gateway");
    assert.equal(resolveUrl("ws://other.example/gateway"), "ws://other.example/gateway");
  });
});

function makeClient(options: Partial<GatewayClientOptions> = {}): GatewayClient {
  return new GatewayClient({
    url: "ws://gateway.example/gateway",
    WebSocket: NoSocket,
    clock: new FakeClock(),
    getToken: () => "a token",
    ...options,
  });
}

/** An event target that is no instance of a class of this realm, like those of jsdom. */
function foreignTarget<T extends object>(fields: T): T & { tell(type: string): void } {
  return Object.assign(
    runInNewContext(`(() => {
      const heard = new Map();
      return {
        addEventListener: (type, listener) => void heard.set(type, listener),
        removeEventListener: (type) => void heard.delete(type),
        tell: (type) => heard.get(type)?.({ type }),
      };
    })()`),
    fields,
  );
}

Deno.test("an AbortSignal of another realm closes the client", () => {
  const signal = foreignTarget({ aborted: false });
  assert.equal(signal instanceof Object, false);
  const client = makeClient({ signal: signal as unknown as AbortSignal });
  signal.tell("abort");
  assert.equal(client.state, "closed");
});

Deno.test("options, frames and errors may be of another realm", () => {
  const options = Object.assign(runInNewContext("({})"), { url: "ws://a/", WebSocket: NoSocket });
  const client = new GatewayClient(
    Object.assign(options, { clock: new FakeClock(), getToken: () => "a token" }),
  );
  void client.close();
  const parse = runInNewContext("JSON.parse");
  const before = JSON.parse;
  JSON.parse = parse;
  try {
    assert.deepEqual({ ...decodeServerFrame(parseFrame('{"op":10,"time":1}')) as object }, {
      op: 10,
      time: 1,
    });
  } finally {
    JSON.parse = before;
  }
  const error = runInNewContext("new Error('foreign')");
  assert.equal(toError(error), error);
});

Deno.test("onWake() hears a global and a document of another realm", () => {
  const page = foreignTarget({ visibilityState: "visible" });
  let woken = 0;
  withGlobal("document", page, () => {
    const stop = onWake(() => woken++);
    page.tell("visibilitychange");
    assert.equal(woken, 1);
    page.visibilityState = "hidden";
    page.tell("visibilitychange");
    assert.equal(woken, 1);
    stop();
    page.visibilityState = "visible";
    page.tell("visibilitychange");
    assert.equal(woken, 1);
  });
});

Deno.test("onWake() hears of a network that is gone and of a frozen page that resumes, hidden or not", () => {
  const page = Object.assign(new EventTarget(), { visibilityState: "hidden" });
  const heard: boolean[] = [];
  withGlobal("document", page, () => {
    const stop = onWake((isOffline) => heard.push(isOffline));
    globalThis.dispatchEvent(new Event("offline"));
    page.dispatchEvent(new Event("resume"));
    assert.deepEqual(heard, [true, false]);
    stop();
    globalThis.dispatchEvent(new Event("offline"));
    page.dispatchEvent(new Event("resume"));
    assert.equal(heard.length, 2);
  });
});

Deno.test("a client is made where there is no EventTarget, as in React Native", () => {
  withGlobal("EventTarget", undefined, () => {
    withGlobal("addEventListener", undefined, () => void makeClient().close());
  });
});

Deno.test("resolveUrl() is relative to the location of another realm, and to none that is no URL", () => {
  const location = runInNewContext("({ href: 'https://chat.example.com/app' })");
  withGlobal("location", location, () => {
    assert.equal(resolveUrl("/gateway"), "wss://chat.example.com/gateway");
  });
  for (const odd of [{}, { href: "" }, { href: "about:blank" }, null, "https://a/"]) {
    withGlobal("location", odd, () => {
      assert.equal(resolveUrl("wss://a/gateway"), "wss://a/gateway");
      assert.throws(() => resolveUrl("/gateway"), TypeError);
    });
  }
});

Deno.test("resolveUrl() works without URL.canParse and the setters of URLs", () => {
  const Full = URL;
  class PlainUrl {
    readonly href: string;
    readonly protocol: string;
    constructor(url: string, base?: string) {
      ({ href: this.href, protocol: this.protocol } = new Full(url, base));
      Object.freeze(this);
    }
  }
  withGlobal("URL", PlainUrl, () => {
    assert.equal(resolveUrl("https://a/gateway?x=1#top"), "wss://a/gateway?x=1");
    assert.throws(() => resolveUrl("/gateway"), {
      name: "TypeError",
      message: /^url: expected ws:/,
    });
  });
});

Deno.test("a client begins where queueMicrotask is faked, as by jest", async () => {
  let asked = 0;
  const getToken = (): string => `token ${++asked}`;
  let client: GatewayClient | undefined;
  withGlobal("queueMicrotask", () => {}, () => client = makeClient({ getToken }));
  await settle();
  assert.equal(asked, 1);
  void client?.close();
});

for (const type of ["error", "unhandledrejection"]) {
  Deno.test(`an exception of a listener is reported as ${type} where queueMicrotask is faked`, async () => {
    const thrown = new Error("of a listener");
    const emitter = new Emitter<{ message: string }>();
    emitter.on("message", () => {
      throw thrown;
    });
    const told: unknown[] = [];
    const hear = (event: Event): void => {
      event.preventDefault();
      told.push(Reflect.get(event, type === "error" ? "error" : "reason"));
    };
    globalThis.addEventListener(type, hear);
    const report = type === "error" ? reportError : undefined;
    const before = globalThis.reportError;
    Object.assign(globalThis, { reportError: report });
    try {
      withGlobal("queueMicrotask", () => {}, () => emitter.emit("message", "hello"));
      await settle();
    } finally {
      globalThis.removeEventListener(type, hear);
      Object.assign(globalThis, { reportError: before });
    }
    assert.deepEqual(told, [thrown]);
  });
}
