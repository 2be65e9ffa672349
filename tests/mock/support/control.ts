/**
 * The control routes around a gateway, without a port.
 *
 * @module
 */

import { readBody } from "../../../gateway/runtime/request_body.ts";
import { FakeLogger } from "../../../mock/doubles/logger.ts";
import { MockGateway } from "../../../mock/gateway/gateway.ts";
import { ReplyWait } from "../../../mock/server/reply_wait.ts";
import { RealTime } from "../../../mock/server/real_time.ts";
import { createControl } from "../../../mock/server/routes.ts";
import { Worlds } from "../../../mock/server/worlds.ts";
import { TurnClock } from "./turns.ts";

interface Answer {
  readonly status: number;
  // deno-lint-ignore no-explicit-any -- the test knows what the route answers
  readonly body: any;
}

interface Bench {
  readonly gateway: MockGateway;
  readonly worlds: Worlds;
  readonly clock: TurnClock;
  send(method: string, path: string, body?: unknown): Promise<Response>;
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Tells the routes whether a harness is in step; one is unless this says no. */
  setInStep(value: boolean): void;
}

/** The routes around a gateway to which players connect in process. */
export async function setUp(): Promise<Bench> {
  const gateway = await MockGateway.create();
  const clock = new TurnClock();
  const time = new RealTime(gateway.clock, clock);
  const replyWait = new ReplyWait(clock);
  const worlds = new Worlds(() =>
    Promise.resolve({ handle: () => Promise.resolve(new Response()), close: async () => {} })
  );
  const logger = new FakeLogger();
  let isInStep = true;
  const control = createControl({
    ...{ gateway, time, replyWait, worlds, clock, logger },
    isInStep: () => isInStep,
  });
  const send = (method: string, path: string, body?: unknown): Promise<Response> => {
    const sent = body === undefined
      ? {}
      : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const request = new Request(`http://host/mock${path}`, { method, ...sent });
    return control(request, {
      address: "192.0.2.1",
      readBody: (limits) => readBody(request, clock, limits),
      upgrade: () => "no handshake",
    });
  };
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await send(method, path, body);
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  };
  const setInStep = (value: boolean) => void (isInStep = value);
  return { gateway, worlds, send, call, clock, setInStep };
}
