/**
 * Puts the events of the client and its sockets into the state.
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
import { afterClose, explainClose } from "./closes.ts";
import { describe } from "./frames.ts";
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

export interface Watching {
  ended(): void;
  disconnected(): void;
}

export class ClientEventsWatcher {
  readonly #store: Store;
  #seq = 0;
  /** The number of the newest connection. */
  #connection = 0;
  /** Events of connections up to this one are ignored. */
  #forgotten = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Watches a new client. */
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

  /** Ignores later events of the connections so far. */
  forget(): void {
    this.#forgotten = this.#connection;
  }

  /** Records an event of a socket. */
  passed(event: SocketEvent, connection: number): void {
    if (connection <= this.#forgotten) return;
    const at = Date.now();
    const { session, frames } = this.#store.state;
    const entry = describe(event);
    if (entry !== undefined) {
      const row = { seq: this.#seq += 1, at, connection, ...entry };
      this.#store.update({ frames: append(frames, row, LIMITS.frames) });
    }
    // An earlier connection may end after a newer one has opened.
    if (connection < this.#connection) return;
    this.#connection = connection;
    this.#store.update({ session: nextSession(session, event, at) });
  }

  #stateChanged(state: ClientState): void {
    const changes = state === "waiting" ? {} : { retryAt: undefined };
    this.#store.update({ client: state, ...changes });
  }

  #ready({ user, resumed }: ReadySession): void {
    const at = Date.now();
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

  #message({ id, channel, author, content, time, replayed: isReplayed = false }: Message): void {
    const { messages, close } = this.#store.state;
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
    // Blocked attempts are not reported.
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
