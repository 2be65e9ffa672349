/**
 * Judges the clients of a mock gateway by its transcript, one for each user. It sees what is on the wire, not
 * what the app is given.
 *
 * @module
 */

import type { Json } from "../../gateway/ports.ts";
import { Op } from "../../gateway/protocol/mod.ts";
import { fieldOf, type TranscriptEntry } from "../gateway/transcript.ts";
import { Deliveries } from "./deliveries.ts";
import { CLIENT_FAULT_CODES, type ClientRule, giveUpMs, ResumeCheck } from "./client_rules.ts";

/** The first rule that was broken. */
export interface BrokenClientRule {
  /** Its name. */
  readonly rule: ClientRule;
  /** Unix milliseconds of virtual time. */
  readonly at: number;
  /** The id; `null` where a client is concerned that has none. */
  readonly connection: string | null;
  /** Expected and actual behaviour. */
  readonly explanation: string;
}

interface Seen {
  /** The last Identify that was not answered. */
  identify: { readonly lastId: string | undefined } | undefined;
  user: string | undefined;
  isReady: boolean;
  /** The position when the last heartbeat was sent. */
  beat: { readonly time: Json; readonly position: string | undefined } | undefined;
}

export class ClientCheck {
  broken: BrokenClientRule | undefined;
  readonly #clients = new Map<string, ResumeCheck>();
  readonly #connections = new Map<string, Seen>();
  readonly #deliveries = new Map<string, Deliveries>();
  /** Times at which connections died without a sign, of which the client has to give up one for each. */
  #dead: number[] = [];
  #heartbeatIntervalMs = 0;

  /** Reads the next entry of the transcript. */
  read(entry: TranscriptEntry): void {
    const { at, connection } = entry;
    const seen = this.#connections.get(connection);
    switch (entry.event) {
      case "opened":
        this.#connections.set(connection, {
          identify: undefined,
          user: undefined,
          isReady: false,
          beat: undefined,
        });
        this.#dead.shift();
        return;
      case "sent":
        return seen && this.#sent(seen, entry);
      case "received":
        return seen && received(seen, entry.frame, this.#clients);
      case "close_sent":
        if (!CLIENT_FAULT_CODES.has(entry.code)) return;
        return this.#report("the client obeys the protocol", entry, `closed with ${entry.code}`);
      case "delivered": {
        const explanation = this.#deliveriesOf(entry.user).given(entry.id);
        if (explanation === undefined) return;
        return this.#report("the client delivers once, in order", {
          at,
          connection: null,
        }, `${entry.user}: ${explanation}`);
      }
      case "frozen":
        this.#dead.push(at);
        return;
      case "gone":
        this.#connections.delete(connection);
    }
  }

  /** Reports what should have happened by `at`. */
  sweep(at: number): void {
    const [deadAt = Infinity] = this.#dead;
    const limitMs = giveUpMs(this.#heartbeatIntervalMs);
    if (at - deadAt <= limitMs) return;
    const explanation = `no new connection within ${limitMs} ms`;
    this.#report("a dead connection is given up", { at, connection: null }, explanation);
  }

  /** Reports messages that have arrived by now, and that no app was given. */
  finish(at: number): void {
    for (const [user, { lacks }] of this.#deliveries) {
      if (lacks === undefined) continue;
      const where = { at, connection: null };
      this.#report("the client delivers what arrives", where, `${user}: ${lacks}`);
    }
  }

  /** Takes a fault that was found elsewhere, if it is the earliest. */
  found(fault: BrokenClientRule | undefined): void {
    if (fault !== undefined && fault.at <= (this.broken?.at ?? Infinity)) this.broken = fault;
  }

  #deliveriesOf(user: string): Deliveries {
    const deliveries = this.#deliveries.get(user) ?? new Deliveries();
    this.#deliveries.set(user, deliveries);
    return deliveries;
  }

  /** Reports clients that are away although nothing keeps them. */
  away(at: number, users: readonly string[]): void {
    if (users.length === 0) return;
    const explanation = `${users.join(", ")}: not ready`;
    this.#report("every client returns", { at, connection: null }, explanation);
  }

  #sent(seen: Seen, { at, connection, frame }: TranscriptEntry & { readonly frame: Json }): void {
    const op = fieldOf(frame, "op");
    const interval = fieldOf(frame, "heartbeat_interval");
    if (op === Op.Hello) this.#heartbeatIntervalMs = Number(interval);
    const resume = seen.user === undefined ? undefined : this.#clients.get(seen.user);
    if (op === Op.Heartbeat) {
      seen.beat = { time: fieldOf(frame, "time") ?? null, position: resume?.position };
    }
    if (op === Op.Message && seen.user !== undefined) {
      const id = String(fieldOf(frame, "id"));
      resume?.sent(id);
      this.#deliveriesOf(seen.user).sent(id);
    }
    if (op === Op.Ready) this.#ready(seen, { at, connection, frame });
  }

  #ready(seen: Seen, { at, connection, frame }: {
    readonly at: number;
    readonly connection: string;
    readonly frame: Json;
  }): void {
    const user = String(fieldOf(frame, "user"));
    const { isReady, identify } = seen;
    const known = this.#clients.get(user);
    const resume = known ?? new ResumeCheck(identify?.lastId);
    this.#clients.set(user, resume);
    if (identify !== undefined && !resume.accepts(identify.lastId, { isReady })) {
      const explanation = `${user} resumes from ${identify.lastId ?? "none"}, and not from ` +
        `${isReady ? "none" : resume}`;
      const rule = "the client resumes from its last message";
      this.#report(rule, { at, connection }, explanation);
    }
    Object.assign(seen, { user, isReady: true, identify: undefined });
    resume.sent(String(fieldOf(frame, "last_id")));
  }

  #report(
    rule: ClientRule,
    { at, connection }: Pick<BrokenClientRule, "at" | "connection">,
    explanation: string,
  ): void {
    this.broken ??= { rule, at, connection, explanation };
  }
}

function received(seen: Seen, frame: Json, clients: ReadonlyMap<string, ResumeCheck>): void {
  const op = fieldOf(frame, "op");
  if (op === Op.Identify) {
    const lastId = fieldOf(frame, "last_id");
    seen.identify = { lastId: typeof lastId === "string" ? lastId : undefined };
  }
  // Frames arrive in order, so all that was sent before the heartbeat has arrived.
  const { user, beat } = seen;
  if (op !== Op.HeartbeatAck || user === undefined || beat === undefined) return;
  if (fieldOf(frame, "time") === beat.time) clients.get(user)?.arrived(beat.position);
}
