/**
 * Spans of publishes: their order, their parents and their ends, on virtual time.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OperationalError } from "../../gateway/errors.ts";
import { createMemoryLog } from "../../gateway/log/memory.ts";
import type { MessageLog, RequestSpanOptions, Span, Tracer } from "../../gateway/ports.ts";
import { PublishTraces } from "../../gateway/http/traces.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeIds } from "../../mock/doubles/ids.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { createFixture } from "./http_fixture.ts";

const DRAFT = { user: "alice", author: "bob", content: "hush" };

/** Writes each span that ends as a line: name, parent, start and end since the test began, the rest. */
class FakeTracer implements Tracer {
  readonly lines: string[] = [];
  readonly #began: number;

  constructor(clock: FakeClock) {
    this.#began = clock.now();
  }

  start(name: string, { traceparent, at }: RequestSpanOptions): Span | undefined {
    return traceparent === "unsampled" ? undefined : this.#span({ name, parent: traceparent, at });
  }

  #span(
    { name, parent, at }: { readonly name: string; readonly parent: string | null; at: number },
  ): Span {
    const notes: string[] = [];
    let ended = false;
    return {
      child: (child, at) => {
        assert.ok(!ended, `${name} has ended`);
        return this.#span({ name: child, parent: name, at });
      },
      set: (key, value) => void notes.push(`${key}=${value}`),
      fail: (code) => void notes.push(`failed=${code}`),
      end: (end) => {
        assert.ok(!ended && end >= at, `${name} ends once, after its start`);
        ended = true;
        const times = `${at - this.#began}..${end - this.#began}`;
        this.lines.push([name, `in ${parent ?? "none"}`, times, ...notes].join(" "));
      },
    };
  }
}

interface World {
  readonly clock: FakeClock;
  readonly tracer: FakeTracer;
  readonly log: MessageLog;
  readonly traces: PublishTraces;
  /** Actions after the fan-out, as long as it is held. */
  readonly fanOuts: (() => void)[];
}

/** @param storeMs the time that the log takes; `fails` its failure instead of storing */
function createWorld(
  { storeMs = 0, fails }: { readonly storeMs?: number; readonly fails?: Error } = {},
): World {
  const clock = new FakeClock();
  const tracer = new FakeTracer(clock);
  const memory = createMemoryLog({ clock, ids: new FakeIds(), logger: new FakeLogger() });
  const wait = () => new Promise<void>((resolve) => void clock.setTimer(storeMs, resolve));
  const slowly = async <T>(work: () => Promise<T>): Promise<T> => {
    if (storeMs > 0) await wait();
    if (fails !== undefined) throw fails;
    return await work();
  };
  const log = Object.assign(Object.create(memory), {
    publish: (...args: Parameters<MessageLog["publish"]>) => slowly(() => memory.publish(...args)),
    publishOnce: (...args: Parameters<MessageLog["publishOnce"]>) =>
      slowly(() => memory.publishOnce(...args)),
  }) as MessageLog;
  const fanOuts: (() => void)[] = [];
  const afterFanOut = (action: () => void) => void fanOuts.push(action);
  const traces = new PublishTraces({ tracer, clock, log: memory, afterFanOut });
  return { clock, tracer, log, traces, fanOuts };
}

function publish({ traces, log }: World, traceparent: string | null = null): Promise<Response> {
  return traces.follow({ traceparent, log }, async (followed) => {
    await followed.publish([DRAFT]);
    return new Response(null, { status: 201 });
  });
}

Deno.test("a publish is a span with the store and the fan-out in it", async () => {
  const world = createWorld({ storeMs: 30 });
  const { clock, tracer, fanOuts } = world;
  const answer = publish(world, "remote");
  await clock.advance(30);
  assert.equal((await answer).status, 201);
  assert.deepEqual(tracer.lines, ["store in publish 0..30"]);
  await clock.advance(12);
  fanOuts.shift()?.();
  assert.deepEqual(tracer.lines, [
    "store in publish 0..30",
    "fan-out in publish 30..42",
    "publish in remote 0..42 messaging.batch.message_count=1 http.response.status_code=201",
  ]);
});

Deno.test("the store ends when the fan-out gets the messages, however late the log answers", async () => {
  const world = createWorld();
  const { clock, tracer, traces, log, fanOuts } = world;
  const slow = {
    ...world.log,
    publish: async (...args: Parameters<MessageLog["publish"]>) => {
      const messages = await log.publish(...args);
      await clock.advance(20);
      await log.publish([DRAFT]);
      await clock.advance(30);
      return messages;
    },
  };
  const answered = traces.follow({ traceparent: null, log: slow }, async (followed) => {
    await followed.publish([DRAFT, DRAFT]);
    return new Response();
  });
  await answered;
  fanOuts.shift()?.();
  assert.deepEqual(tracer.lines.map((line) => line.split(" ").slice(0, 4).join(" ")), [
    "store in publish 0..0",
    "fan-out in publish 0..50",
    "publish in none 0..50",
  ]);
});

Deno.test("a fan-out that ends before the answer leaves the publish open until then", async () => {
  const { clock, tracer, traces, log, fanOuts } = createWorld();
  const answered = traces.follow({ traceparent: null, log }, async (followed) => {
    await followed.publish([DRAFT]);
    fanOuts.shift()?.();
    await clock.advance(5);
    return new Response();
  });
  await answered;
  assert.match(tracer.lines[1] ?? "", /^fan-out in publish 0\.\.0/);
  assert.match(tracer.lines[2] ?? "", /^publish in none 0\.\.5/);
});

Deno.test("setting the wall clock does not disorder the spans of a publish", async () => {
  const world = createWorld({ storeMs: 30 });
  const answer = publish(world);
  world.clock.jumpWall(-60_000);
  await world.clock.advance(30);
  await answer;
  world.fanOuts.shift()?.();
  assert.deepEqual(world.tracer.lines.map((line) => line.split(" ")[3]), [
    "0..30",
    "30..30",
    "0..30",
  ]);
});

Deno.test("a repeated publish is not fanned out", async () => {
  const { tracer, traces, log, fanOuts } = createWorld();
  const once = () => {
    return traces.follow({ traceparent: null, log }, async (followed) => {
      await followed.publishOnce({ key: "k", digest: "d" }, [DRAFT]);
      return new Response();
    });
  };
  await once();
  assert.equal(fanOuts.length, 1);
  await once();
  assert.equal(fanOuts.length, 1);
  assert.equal(
    tracer.lines.at(-1),
    "publish in none 0..0 messaging.batch.message_count=0 http.response.status_code=200",
  );
});

Deno.test("a failure is on the store and on the publish, by its code, and goes on", async () => {
  for (
    const [fails, code] of [
      [new OperationalError("log_unavailable", "no disk at /var/secret"), "log_unavailable"],
      [new TypeError("a bug with hush in it"), "internal_error"],
    ] as const
  ) {
    const world = createWorld({ storeMs: 30, fails });
    const answer = publish(world);
    const rejected = assert.rejects(answer, fails);
    await world.clock.advance(30);
    await rejected;
    assert.deepEqual(world.tracer.lines, [
      `store in publish 0..30 failed=${code}`,
      `publish in none 0..30 failed=${code}`,
    ]);
  }
});

Deno.test("a trace that is not recorded leaves a publish alone", async () => {
  const world = createWorld();
  assert.equal((await publish(world, "unsampled")).status, 201);
  assert.deepEqual([world.tracer.lines, world.fanOuts], [[], []]);
});

Deno.test("POST /messages is followed with its traceparent once the key is right, no other route", async () => {
  const { tracer, log, traces, fanOuts } = createWorld();
  const { call } = createFixture({ log, traces });
  const headers = { traceparent: "remote" };
  assert.equal((await call("POST", "/messages", { body: DRAFT, headers })).status, 201);
  for (const action of fanOuts.splice(0)) action();
  assert.match(tracer.lines.at(-1) ?? "", /^publish in remote .*status_code=201$/);
  await call("POST", "/messages", { body: { content: "no author" }, headers });
  assert.match(tracer.lines.at(-1) ?? "", /^publish in remote .*status_code=400$/);
  const { length } = tracer.lines;
  const wrong = { ...headers, authorization: "Bearer wrong" };
  assert.equal((await call("POST", "/messages", { body: DRAFT, headers: wrong })).status, 401);
  await call("GET", "/messages", { headers });
  await call("GET", "/users/alice", { headers });
  assert.equal(tracer.lines.length, length);
  assert.ok(!tracer.lines.some((line) => /hush|alice|bob/.test(line)));
});
