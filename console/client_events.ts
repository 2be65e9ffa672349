/**
 * Puts into the state what the client tells and what passes on its sockets.
 *
 * It makes no client and steers none.
 *
 * @module
 */

import type {
  ClientState,
  Disconnect,
  GatewayClient,
  Message,
  ReadySession,
} from "../client/mod.ts";
import { Op } from "../gateway/protocol/codes.ts";
import { afterClose, explainClose } from "./closes.ts";
import { describe, fieldOf, opOf } from "./frames.ts";
import { nextSession } from "./session_view.ts";
import {
  answered,
  append,
  arrived,
  type CloseView,
  LIMITS,
  NO_FAULTS,
  type Store,
} from "./state.ts";
import type { SocketEvent } from "./frames.ts";

/** Who has to know, beside the state. */
export interface Watching {
  /** The client is over, for good. */
  ended(): void;
  /** A connection ended. */
  disconnected(): void;
}

/** Watches one client after the other. */
export class ClientEventsWatcher {
  readonly #store: Store;
  #seq = 0;
  /** The newest connection. */
  #connection = 0;
  /** What still comes from connections up to this one is of no interest. */
  #forgotten = 0;
  /** How far the gateway's clock is behind this one, at most: the least that a heartbeat has shown. */
  #skewMs = Infinity;
  /** Messages from before this time, by the gateway's clock, were replayed. */
  #replayedBefore = -Infinity;

  /** Watches nothing yet. */
  constructor(store: Store) {
    this.#store = store;
  }

  /** Watches a client that was just made. */
  watch(client: GatewayClient, watching: Watching): void {
    const store = this.#store;
    store.update({ client: client.state, retryAt: undefined, clientProblem: undefined });
    client.on("state", (state) => this.#stateChanged(state));
    client.on("ready", (session) => this.#ready(session));
    client.on("message", (message) => this.#message(message));
    client.on("gap", () => this.#gap());
    client.on("roundtrip", (ms) => {
      const roundTrips = append(store.state.roundTrips, { at: Date.now(), ms }, LIMITS.roundTrips);
      store.update({ roundTrips });
    });
    client.on("error", (error) => store.update({ clientProblem: error.message }));
    client.on("disconnect", (disconnect) => {
      watching.disconnected();
      this.#disconnected(disconnect);
    });
    client.on("close", () => {
      watching.ended();
      store.update({ tokenWanted: undefined });
    });
  }

  /** What was is over: neither is what still comes of it listed. */
  forget(): void {
    this.#forgotten = this.#connection;
  }

  /** Something passed on a socket. */
  passed(event: SocketEvent, connection: number): void {
    if (connection <= this.#forgotten) return;
    const at = Date.now();
    const { session, frames } = this.#store.state;
    const entry = describe(event);
    if (entry !== undefined) {
      const row = { seq: this.#seq += 1, at, connection, ...entry };
      this.#store.update({ frames: append(frames, row, LIMITS.frames) });
    }
    // The end of an earlier connection may come when there is a newer one.
    if (connection < this.#connection) return;
    this.#connection = connection;
    this.#store.update({ session: nextSession(session, event, at) });
    if (event.type === "received" && typeof event.data === "string") this.#compare(event.data, at);
  }

  /** A heartbeat says what time it is for the gateway. */
  #compare(text: string, at: number): void {
    if (opOf(text) !== Op.Heartbeat) return;
    this.#skewMs = Math.min(this.#skewMs, at - Number(fieldOf(text, "time")));
  }

  #stateChanged(state: ClientState): void {
    const changes = state === "waiting" ? {} : { retryAt: undefined };
    this.#store.update({ client: state, ...changes });
  }

  #ready({ user, resumed }: ReadySession): void {
    const at = Date.now();
    // The protocol does not mark what it replays. It is what was accepted before this session was ready.
    const skewMs = Number.isFinite(this.#skewMs) ? this.#skewMs : 0;
    this.#replayedBefore = resumed === true ? at - skewMs : -Infinity;
    const { close } = this.#store.state;
    this.#store.update({
      ...answered(this.#store.state),
      ...arrived(this.#store.state),
      clientProblem: undefined,
      announcement: `Ready as ${user}.${resumed === true ? " Nothing was missed." : ""}`,
      ...close === undefined || close.back !== undefined
        ? {}
        : { close: { ...close, back: { at, resumed, replayed: 0 } } },
    });
  }

  #message({ id, channel, author, content, time }: Message): void {
    const { messages, close } = this.#store.state;
    const isReplayed = time < this.#replayedBefore;
    const seq = this.#seq += 1;
    const what = { id, channel, author, content, at: time, isReplayed };
    const back = close?.back;
    this.#store.update({
      messages: append(messages, { kind: "message", seq, ...what }, LIMITS.messages),
      announcement: `Message from ${author}.`,
      ...close !== undefined && back !== undefined && isReplayed
        ? { close: { ...close, back: { ...back, replayed: back.replayed + 1 } } }
        : {},
    });
  }

  #gap(): void {
    const gap = { kind: "gap", seq: this.#seq += 1, at: Date.now() } as const;
    this.#store.update({
      messages: append(this.#store.state.messages, gap, LIMITS.messages),
      announcement: "Some messages may be missing.",
    });
  }

  #disconnected({ code, reason, retryInMs }: Disconnect): void {
    const at = Date.now();
    const { faults: { awaySince }, identity, session } = this.#store.state;
    const retryAt = retryInMs === undefined ? undefined : at + retryInMs;
    this.#store.update({ retryAt });
    // Attempts that are kept from connecting are no news.
    if (awaySince !== undefined) return;
    const explained = explainClose(code);
    const next = afterClose({
      code,
      retryInMs,
      isPasted: identity?.from === "pasted",
      wasReady: session.trail.some(({ phase }) => phase === "ready"),
    });
    const close: CloseView = { at, explained, reason, next };
    const announcement = `Closed with ${code} ${explained.name}. ${close.next}`;
    this.#store.update({ close, announcement, faults: NO_FAULTS });
  }
}
