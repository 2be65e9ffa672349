/**
 * Carries out the actions of the page's buttons. It has the client, its tokens and its tap, and changes the
 * state; `client_events.ts` records the client's own events.
 *
 * @module
 */

import { GatewayClient } from "../client/mod.ts";
import {
  disconnectUser,
  fetchSettings,
  fetchUser,
  type Login,
  logIn,
  type Publication,
  publish,
  urlOf,
} from "./api.ts";
import { arrivalOf } from "./audience.ts";
import { claimsOf } from "./claims.ts";
import { ClientEventsWatcher } from "./client_events.ts";
import { explainClose } from "./closes.ts";
import { clientCodeOf, curlOf } from "./snippets.ts";
import {
  arrived,
  type Faults,
  type Identity,
  NO_FAULTS,
  problemOf,
  type Store,
  withoutFrames,
  withoutTraces,
} from "./state.ts";
import { Tap } from "./tap.ts";
import { messageOf, plural } from "./text.ts";
import { LoginTokens, PastedTokens, type TokenSource } from "./tokens.ts";

export class Controller {
  readonly #store: Store;
  readonly #watcher: ClientEventsWatcher;
  readonly #tap: Tap;
  #source: TokenSource | undefined;
  #client: GatewayClient | undefined;
  /** The user whose messages are listed. */
  #user: string | undefined;
  /** The position from which that user's next client resumes. */
  #lastId: string | undefined;
  /** Counts entries in step 1: only the answer to the last one is used. */
  #entries = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#watcher = new ClientEventsWatcher(store);
    this.#tap = new Tap((event, connection) => this.#watcher.passed(event, connection));
  }

  get #clientsUrl(): string {
    return this.#store.state.settings?.clientsUrl ?? ".";
  }

  /** Loads the settings. */
  async start(): Promise<void> {
    try {
      this.#store.update({ settings: await fetchSettings() });
    } catch (error) {
      const settingsProblem = `${messageOf(error)}\nLoad the page again to try again.`;
      this.#store.update({ settingsProblem });
    }
  }

  /** Logs in at the mock issuer. */
  async logIn(who: Omit<Login, "clientsUrl">): Promise<void> {
    const login = { ...who, clientsUrl: this.#clientsUrl };
    const entry = this.#entries += 1;
    this.#store.update({ loginProblem: undefined });
    try {
      const token = await logIn(login);
      if (entry !== this.#entries) return;
      const source: LoginTokens = new LoginTokens(login, token, (renewed) => {
        if (this.#source === source) this.#identify("login", renewed);
      });
      this.#become(source, token);
      this.#identify("login", token);
      this.#store.update({ announcement: `Logged in as ${login.user}.` });
    } catch (error) {
      if (entry !== this.#entries) return;
      const loginProblem = problemOf(error);
      this.#store.update({ loginProblem, announcement: `Not logged in. ${loginProblem.text}` });
    }
  }

  /** Uses a pasted token for the client that waits for one, or for the next. */
  paste(token: string): void {
    this.#entries += 1;
    if (!this.#offer(token)) {
      const source: PastedTokens = new PastedTokens(token, (tokenWanted) => {
        if (this.#source === source) this.#store.update({ tokenWanted });
      });
      this.#become(source, token);
    }
    this.#identify("pasted", token);
    this.#store.update({ loginProblem: undefined, announcement: "The token is taken." });
  }

  /** Makes a client, which resumes after the last one. */
  connect(): void {
    const source = this.#source;
    if (source === undefined || this.#isOpen()) return;
    this.#tap.comeBack();
    if (source instanceof LoginTokens) source.release();
    const client = new GatewayClient({
      url: `${this.#clientsUrl}/gateway`,
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

  disconnect(): void {
    this.#end("You disconnected. Connect resumes after the last message received.");
  }

  /** Reconnects if the client waits to, else measures a round trip, at most one a second. */
  check(): void {
    this.#client?.check();
  }

  /** Withholds ACKs: on this connection, or on a new one with a heartbeat interval of its own. */
  stopAnswering(heartbeatIntervalMs: number | undefined): void {
    if (heartbeatIntervalMs === undefined) this.#tap.stopAnswering();
    else this.#tap.replaceWithMute(heartbeatIntervalMs);
    this.#setFaults({ isMute: true });
    this.#client?.check();
    this.#store.update({ announcement: "Heartbeats are no longer answered." });
  }

  goAway(): void {
    this.#tap.goAway();
    this.#setFaults({ awaySince: Date.now() });
  }

  comeBack(): void {
    this.#tap.comeBack();
    this.#setFaults({ awaySince: undefined });
    this.#client?.check();
  }

  /** Sends text past the client. */
  sendRaw(text: string): void {
    this.#tap.sendRaw(text);
  }

  /** Renews the session with a token of this lifetime, and lets it expire. */
  async expire(seconds: number): Promise<void> {
    const source = this.#source;
    if (!(source instanceof LoginTokens)) return;
    const client = this.#client;
    // Another user may log in meanwhile.
    const isOver = (): boolean => this.#client !== client || !this.#isOpen();
    source.hold();
    this.#setFaults({ isExpiring: true });
    try {
      const token = await source.short(seconds);
      if (isOver()) return;
      if (!this.#tap.sendRaw(JSON.stringify({ op: 1, token }))) throw new Error("not connected");
    } catch (error) {
      if (isOver()) return;
      source.release();
      this.#setFaults({ isExpiring: false });
      this.#store.update({ clientProblem: messageOf(error) });
    }
  }

  async publish(publication: Publication): Promise<void> {
    this.#store.update({ published: undefined, publishProblem: undefined });
    const { identity, client } = this.#store.state;
    const resumes = (this.#client?.lastId ?? this.#lastId) !== undefined;
    const arrival = arrivalOf(publication.target, { identity, client, resumes });
    try {
      const receipt = await publish(publication);
      this.#store.update({ published: { ...receipt, arrival } });
      // The client may have reconnected meanwhile.
      if (this.#store.state.client === "ready") this.#store.update(arrived(this.#store.state));
      const why = arrival.is === "here" ? "" : ` ${arrival.why}`;
      this.announce(`Published as ${receipt.id}.${why}`);
    } catch (error) {
      const publishProblem = problemOf(error);
      this.#store.update({ publishProblem, announcement: `Not published. ${publishProblem.text}` });
    }
  }

  async disconnectUser(key: string): Promise<void> {
    const user = this.#user;
    if (user === undefined) return;
    this.#store.update({ disconnected: undefined, disconnectProblem: undefined });
    try {
      const disconnected = await disconnectUser(user, key);
      if (user === this.#user) this.#store.update({ disconnected });
      this.announce(`The gateway closed ${plural(disconnected, "connection")} of ${user}.`);
    } catch (error) {
      const disconnectProblem = problemOf(error);
      this.#store.update({ disconnectProblem });
      this.announce(`Not disconnected. ${disconnectProblem.text}`);
    }
  }

  /** Asks for the connections of any user. */
  async lookUp(user: string, key: string): Promise<void> {
    try {
      const lookup = await fetchUser(user, key);
      this.#store.update({ lookup, lookupProblem: undefined });
      this.announce(`${user} has ${plural(lookup.connections, "connection")}.`);
    } catch (error) {
      const lookupProblem = problemOf(error);
      this.#store.update({ lookup: undefined, lookupProblem });
      this.announce(`Not looked up. ${lookupProblem.text}`);
    }
  }

  /** Announces a text to screen readers. */
  announce(announcement: string): void {
    this.#store.update({ announcement });
  }

  /** Returns the shell command that publishes the same. */
  curlOf(publication: Publication): string {
    return curlOf(publication, urlOf("messages"));
  }

  /** Returns a program with the page's client; empty before there is a token. */
  clientCode(): string {
    if (this.#source === undefined) return "";
    const url = urlOf("gateway", this.#clientsUrl).replace(/^http/, "ws");
    return clientCodeOf(url, this.#source.origin);
  }

  /** Clears the problem of the message before it was edited. */
  editPublication(): void {
    this.#store.update({ publishProblem: undefined });
  }

  clearFrames(): void {
    this.#store.update(withoutFrames(this.#store.state));
  }

  #isOpen(): boolean {
    return this.#client !== undefined && this.#client.state !== "closed";
  }

  /** Gives the token to the client that waits for one, unless it is another user's. */
  #offer(token: string): boolean {
    const { user } = claimsOf(token);
    const isOther = user !== undefined && user !== this.#user;
    return !isOther && this.#source instanceof PastedTokens && this.#source.offer(token);
  }

  /** Sets the source of tokens, and for another user clears messages and position. */
  #become(source: TokenSource, token: string): void {
    this.#end(
      "Another token is in use, so the page disconnected. Connect resumes after the last message received.",
    );
    this.#source = source;
    const { user } = claimsOf(token);
    if (user !== undefined && user === this.#user) return;
    this.#user = user;
    this.#client = undefined;
    this.#lastId = undefined;
    this.#watcher.forget();
    this.#store.update(withoutTraces(this.#store.state));
  }

  /** Ends the client. `next` describes the next step. */
  #end(next: string): void {
    const client = this.#client;
    if (client === undefined || !this.#isOpen()) return;
    const wasReady = client.state === "ready";
    void client.close();
    const { close } = this.#store.state;
    this.#store.update({
      faults: NO_FAULTS,
      retryAt: undefined,
      clientProblem: undefined,
      tokenWanted: undefined,
      announcement: "Disconnected.",
      ...wasReady
        ? { close: { at: Date.now(), explained: explainClose(1000), reason: "", next } }
        // The last close announced a reconnect.
        : close === undefined || close.back !== undefined
        ? {}
        : { close: { ...close, next } },
    });
  }

  #identify(from: Identity["from"], token: string): void {
    this.#store.update({ identity: { from, ...claimsOf(token) } });
  }

  #setFaults(changes: Partial<Faults>): void {
    this.#store.update({ faults: { ...this.#store.state.faults, ...changes } });
  }
}
