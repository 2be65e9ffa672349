/**
 * What the page's buttons do: it has the client, its tokens and its tap, and changes the state.
 *
 * It draws nothing. What the client tells by itself is put into the state by `client_events.ts`.
 *
 * @module
 */

import { GatewayClient } from "../client/mod.ts";
import {
  fetchSettings,
  type Login,
  logIn,
  type Publication,
  publish,
  type Receipt,
} from "./api.ts";
import { claimsOf } from "./claims.ts";
import { ClientEventsWatcher } from "./client_events.ts";
import { explainClose } from "./closes.ts";
import { type Faults, type Identity, NO_FAULTS, type Store } from "./state.ts";
import { Tap } from "./tap.ts";
import { messageOf } from "./text.ts";
import { LoginTokens, PastedTokens, type TokenSource } from "./tokens.ts";

/** Does what the page is told to. */
export class Controller {
  readonly #store: Store;
  readonly #watcher: ClientEventsWatcher;
  readonly #tap: Tap;
  #source: TokenSource | undefined;
  #client: GatewayClient | undefined;
  /** Where the next client takes up. */
  #lastId: string | undefined;

  /** Does nothing yet. */
  constructor(store: Store) {
    this.#store = store;
    this.#watcher = new ClientEventsWatcher(store);
    this.#tap = new Tap((event, connection) => this.#watcher.passed(event, connection));
  }

  /** Asks the gateway what the page has to know of it. */
  async start(): Promise<void> {
    try {
      this.#store.update({ settings: await fetchSettings() });
    } catch (error) {
      const settingsProblem = `${messageOf(error)}\nLoad the page again to try again.`;
      this.#store.update({ settingsProblem });
    }
  }

  /** Gets a token of the mock issuer. */
  async logIn(login: Login): Promise<void> {
    this.#store.update({ loginProblem: undefined });
    try {
      const token = await logIn(login);
      this.#become(new LoginTokens(login, token, (renewed) => this.#identify("login", renewed)));
      this.#identify("login", token);
      this.#store.update({ announcement: `Logged in as ${login.user}.` });
    } catch (error) {
      const loginProblem = messageOf(error);
      this.#store.update({ loginProblem, announcement: `Not logged in. ${loginProblem}` });
    }
  }

  /** Takes a token that was pasted: for the client that waits for one, or for the next. */
  paste(token: string): void {
    const isOffered = this.#source instanceof PastedTokens && this.#source.offer(token);
    if (!isOffered) {
      const waiting = (needsToken: boolean): void => this.#store.update({ needsToken });
      this.#become(new PastedTokens(token, waiting));
    }
    this.#identify("pasted", token);
    this.#store.update({ loginProblem: undefined, announcement: "The token is taken." });
  }

  /** Makes a client, which takes up where the last one was. */
  connect(): void {
    const source = this.#source;
    if (source === undefined || this.#isOpen()) return;
    this.#tap.comeBack();
    if (source instanceof LoginTokens) source.release();
    const client = new GatewayClient({
      url: "/gateway",
      WebSocket: this.#tap.WebSocket,
      getToken: (request) => source.get(request),
      ...(this.#lastId === undefined ? {} : { lastId: this.#lastId }),
    });
    this.#client = client;
    this.#watcher.watch(client, {
      ended: () => this.#lastId = client.lastId,
      disconnected: () => source instanceof LoginTokens && source.release(),
    });
  }

  /** Ends the client. */
  disconnect(): void {
    const client = this.#client;
    if (client === undefined || !this.#isOpen()) return;
    const hadConnection = client.state === "ready";
    void client.close();
    const next = "You disconnected. Connect takes up after the last message that came.";
    this.#store.update({
      faults: NO_FAULTS,
      retryAt: undefined,
      clientProblem: undefined,
      needsToken: false,
      announcement: "Disconnected.",
      ...hadConnection
        ? { close: { at: Date.now(), explained: explainClose(1000), reason: "", next } }
        : {},
    });
  }

  /** Measures a round trip now; no more than one a second. */
  measure(): void {
    this.#client?.check();
  }

  /** Leaves heartbeats unanswered until the next connection. */
  stopAnswering(): void {
    this.#tap.stopAnswering();
    this.#setFaults({ isMute: true });
    this.#store.update({ announcement: "Heartbeats are no longer answered." });
  }

  /** Takes the connection away until {@linkcode comeBack}. */
  goAway(): void {
    this.#tap.goAway();
    this.#setFaults({ awaySince: Date.now() });
  }

  /** Gives the network back. */
  comeBack(): void {
    this.#tap.comeBack();
    this.#setFaults({ awaySince: undefined });
    this.#client?.check();
  }

  /** Sends text as it is, past the client. */
  sendRaw(text: string): void {
    this.#tap.sendRaw(text);
  }

  /** Renews the session with a token that lasts so many seconds, and lets that one run out. */
  async expire(seconds: number): Promise<void> {
    const source = this.#source;
    if (!(source instanceof LoginTokens)) return;
    source.hold();
    this.#setFaults({ isExpiring: true });
    try {
      const token = await source.short(seconds);
      if (!this.#tap.sendRaw(JSON.stringify({ op: 1, token }))) throw new Error("not connected");
    } catch (error) {
      source.release();
      this.#setFaults({ isExpiring: false });
      this.#store.update({ clientProblem: messageOf(error) });
    }
  }

  /** Publishes a message as the app's backend does. @throws {Error} if it was refused */
  async publish(publication: Publication): Promise<Receipt> {
    try {
      const receipt = await publish(publication);
      this.#store.update({ announcement: `Published as ${receipt.id}.` });
      return receipt;
    } catch (error) {
      this.#store.update({ announcement: `Not published. ${messageOf(error)}` });
      throw error;
    }
  }

  /** Empties the list of frames. */
  clearFrames(): void {
    this.#store.update({ frames: [] });
  }

  #isOpen(): boolean {
    return this.#client !== undefined && this.#client.state !== "closed";
  }

  /** Another identity begins anew: what the last one has seen is not its own. */
  #become(source: TokenSource): void {
    this.disconnect();
    this.#source = source;
    this.#lastId = undefined;
    this.#store.update({ needsToken: false });
  }

  #identify(from: Identity["from"], token: string): void {
    this.#store.update({ identity: { from, ...claimsOf(token) } });
  }

  #setFaults(changes: Partial<Faults>): void {
    this.#store.update({ faults: { ...this.#store.state.faults, ...changes } });
  }
}
