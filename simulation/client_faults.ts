/**
 * Inflicts faults on one client at random times: on its connection and on its behaviour.
 *
 * @module
 */

import type { Backend } from "./backend.ts";
import type { TokenFlaw } from "./behaviour.ts";
import type { SimulatedClient } from "./client.ts";
import { type ClientFault, FAULT_NAMES, faultInfo } from "./faults.ts";
import type { OddFrame } from "./pipe.ts";
import type { Random } from "../mock/chaos/random.ts";
import type { WorldDeps } from "./world_deps.ts";

/** Mean time between faults of a client. */
const MEAN_MS = 45 * 60_000;
const MINUTE_MS = 60_000;

const GARBAGE: readonly (string | Uint8Array)[] = [
  "",
  "hello",
  "null",
  "[]",
  "[[[[[[[[",
  "{",
  '"\\ud800"',
  "{}",
  '{"op":"10","time":1}',
  '{"op":0,"heartbeat_interval":1}',
  '{"op":2,"user":"u0","last_id":"e1-0"}',
  '{"op":3}',
  '{"op":99}',
  '{"op":10}',
  '{"op":10,"time":-1}',
  '{"op":10,"time":1.5}',
  '{"op":10,"time":1e300}',
  '{"op":11,"time":null}',
  '{"op":1}',
  '{"op":1,"token":""}',
  '{"op":1,"token":7}',
  '{"op":1,"token":"x","last_id":7}',
  '{"__proto__":{"op":10,"time":1}}',
  '{"op":10,"time":1,"time":"1"}',
  `{"op":10,"time":1,"pad":"${"x".repeat(4200)}"}`,
  `{"op":10,"time":1,"pad":"${"\u00e4".repeat(2100)}"}`,
  new Uint8Array([0x7b, 0x7d]),
  new Uint8Array(5000),
];

const VIOLATIONS: readonly OddFrame[] = ([1002, 1007, 1008, 1009] as const)
  .map((code) => ({ kind: "violation", code }));

const ODD_MANNERS = ["late", "never", "twice", "bad_id", "hangs_up"] as const;

/** Every fault of a client, as often as its weight. */
const LOTS = FAULT_NAMES.flatMap((fault) => {
  return Array.from({ length: faultInfo(fault).weight ?? 0 }, () => fault as ClientFault);
});

export class ClientFaults {
  readonly #world: WorldDeps;
  readonly #client: SimulatedClient;
  readonly #backend: Backend;
  readonly #random: Random;
  #over = false;

  constructor(world: WorldDeps, client: SimulatedClient, backend: Backend) {
    this.#world = world;
    this.#client = client;
    this.#backend = backend;
    this.#random = world.random.fork(`mischief/${client.name}`);
    this.#next();
  }

  /** Stops, and ends all faults of the client. */
  end(): void {
    this.#over = true;
    this.#client.calm();
  }

  #next(): void {
    this.#world.clock.setTimer(this.#random.wait(MEAN_MS), () => {
      if (this.#over) return;
      const fault = this.#random.pick(LOTS);
      // A stream of its own, so that disabling a fault does not shift later draws.
      const random = this.#random.fork(String(this.#world.clock.steady()));
      if (this.#world.allows(fault) && this.#client.link !== undefined) this.#do(fault, random);
      this.#next();
    });
  }

  #do(fault: ClientFault, random: Random): void {
    const { count, timeline } = this.#world;
    const { behaviour, link } = this.#client;
    if (link === undefined) return;
    count(fault);
    if (timeline.recording) timeline.add(`#${link.id} ${this.#client.name}`, `fault: ${fault}`);
    switch (fault) {
      case "stall":
        return link.stall(random.pick(["toServer", "toClient"]), random.int(5000, 120_000));
      case "slow_reader":
        link.stall("toClient", random.int(60_000, 1_200_000));
        return this.#backend.bother(this.#client.user, random);
      case "half_open":
        return link.drop();
      case "reset":
        return link.reset();
      case "late_ack":
        behaviour.maxAckMs = random.pick([2000, 30_000, 46_000]);
        return;
      case "no_ack":
        behaviour.acks = random.pick(["never", "wrong"]);
        behaviour.answersClose = random.chance(0.5);
        return;
      case "double_ack":
        behaviour.acks = "twice";
        return this.#client.send(`{"op":11,"time":${random.int(0, 2_000_000_000)}}`);
      case "garbage":
        return this.#client.send(
          random.chance(0.2) ? random.pick(VIOLATIONS) : random.pick(GARBAGE),
        );
      case "flood":
        return this.#flood(random);
      case "away":
        return this.#goAway(random);
      case "sleep":
        return this.#sleep(random);
      case "unread":
        behaviour.dawdles = true;
        this.#world.clock.setTimer(random.int(MINUTE_MS, 60 * MINUTE_MS), () => {
          behaviour.dawdles = false;
        });
        return;
      case "tokens":
        return this.#spoilToken(random);
      case "revoked":
        return this.#revokeTokens(random);
      case "slow_catch_up":
        return this.#catchUpSlowly(random);
      case "odd_identify":
        behaviour.identifies = random.pick(ODD_MANNERS);
        return this.#client.goAway("close", 1000);
      default:
        return fault satisfies never;
    }
  }

  /** Sleeps briefly, when the connection may survive, or for hours. */
  #sleep(random: Random): void {
    if (random.chance(0.5)) return this.#client.nap(random.int(1000, 3 * MINUTE_MS));
    this.#client.goAway("silent", random.wait(random.pick([60_000, 3_600_000, 8 * 3_600_000])));
  }

  #goAway(random: Random): void {
    const how = random.pick(["close", "reset"] as const);
    const meanMs = random.pick([2000, 60_000, 3_600_000, 6 * 3_600_000]);
    this.#client.goAway(how, random.wait(meanMs));
  }

  /** Reconnects slowly after a long absence, with changes during the replay. */
  #catchUpSlowly(random: Random): void {
    const { clock } = this.#world;
    this.#client.behaviour.bytesPerMs = random.int(6, 30);
    const awayMs = random.int(30 * 60_000, 3 * 3_600_000);
    this.#client.goAway("close", awayMs);
    if (this.#world.cluster !== undefined && random.fork("commands").chance(0.3)) {
      this.#backend.overtake(this.#client.user, { random: random.fork("overtake"), atMs: awayMs });
    }
    const bothers = random.int(0, 4);
    for (let count = 0; count < bothers; count++) {
      const luck = random.unit();
      clock.setTimer(awayMs + random.int(500, 60_000), () => {
        if (luck < 0.2) return this.#client.identify();
        this.#backend.bother(this.#client.user, random.fork(`bother${count}`));
      });
    }
  }

  #flood(random: Random): void {
    const frames = random.pick([60, 115, 130]);
    for (let index = 0; index < frames; index++) {
      const isPing = random.chance(0.3);
      this.#world.clock.setTimer(random.int(0, 20_000), () => {
        this.#client.send(isPing ? { kind: "control" } : `{"op":10,"time":${index}}`);
      });
    }
  }

  #revokeTokens(random: Random): void {
    const { user } = this.#client;
    if (random.chance(0.3)) return this.#backend.revoke(user);
    // Long enough to miss messages, so that the start of the session has to be located.
    this.#client.goAway("close", random.int(1000, 10 * MINUTE_MS));
    this.#client.onIdentify = () => {
      this.#world.clock.setTimer(random.int(0, 60), () => this.#backend.revoke(user));
    };
  }

  #spoilToken(random: Random): void {
    const { behaviour } = this.#client;
    if (random.chance(0.3)) {
      behaviour.renews = false;
      // By then its token has expired and the app has seen the close.
      this.#world.clock.setTimer(8 * 3_600_000, () => behaviour.renews = true);
      return;
    }
    behaviour.flaw = random.pick<TokenFlaw>(["unsigned", "expired", "strange_user", "brief"]);
    if (random.chance(0.7)) this.#client.identify();
    else this.#client.goAway("close", 500);
  }
}
