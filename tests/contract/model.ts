/**
 * The model for `model_test.ts`: clients that resume, and a list of everything published to compare with.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Audience, Draft, Message, MessageLog } from "../../gateway/ports.ts";
import { type Fixture, RETENTION_MS } from "./logs.ts";

/** A step. Publishes and connections that it starts continue during later steps. */
export type Step =
  | { readonly do: "publish"; readonly drafts: readonly Draft[]; readonly key: string | undefined }
  | { readonly do: "connect"; readonly client: number }
  | { readonly do: "drop"; readonly client: number }
  /** Pending work advances a little. */
  | { readonly do: "breathe" }
  /** Pending work finishes, and time passes. */
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "reopen" };

export const CHANNELS: readonly string[] = ["a", "b", "c"];
export const USERS: readonly string[] = ["alice", "bob"];
export const CLIENTS = 4;

const DAY_MS = 24 * 60 * 60 * 1000;
/** Small pages, so that a resume needs several. */
const PAGE = { limit: 3, maxBytes: 10_000 };

interface Client {
  readonly audience: Audience;
  /** The sequence at which it started. */
  start: number;
  lastId: string | undefined;
  received: Message[];
  session: { stop(): void; stopped: boolean } | undefined;
}

/** A log, its clients and the model. */
export class World {
  readonly #fixture: Fixture;
  readonly #published: Message[] = [];
  readonly #answers = new Map<string, { readonly ids: string; readonly at: number }>();
  readonly #clients: readonly Client[];
  #begun: Promise<void>[] = [];
  readonly #checks: (() => void)[] = [];

  /** Starts with an empty log and no client. */
  constructor(fixture: Fixture) {
    this.#fixture = fixture;
    this.#clients = Array.from({ length: CLIENTS }, (_, number) => ({
      audience: {
        everyone: true,
        user: USERS[number % USERS.length] ?? "",
        channels: CHANNELS.slice(0, number),
      },
      start: 0,
      lastId: undefined,
      received: [],
      session: undefined,
    }));
  }

  get #log(): MessageLog {
    return this.#fixture.log;
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "publish":
        this.#begun.push(this.#publish(step.drafts, step.key));
        return;
      case "connect":
        this.#begun.push(this.#connect(this.#client(step.client)));
        return;
      case "drop":
        return this.#drop(this.#client(step.client));
      case "breathe":
        return await Promise.resolve();
      case "pass":
        await this.#settle();
        await this.#fixture.clock.advance(step.ms);
        return await this.#log.check();
      case "reopen":
        await this.#settle();
        this.#clients.forEach((client) => this.#drop(client));
        return await this.#fixture.reopen();
    }
  }

  /** Lets all work finish and every client resume; then each must have received what it should. */
  async finish(): Promise<void> {
    await this.#settle();
    for (const client of this.#clients) await this.#connect(client);
    for (const client of this.#clients) {
      assert.deepEqual(client.received, this.#expected(client));
      this.#drop(client);
    }
    for (const check of this.#checks) check();
  }

  #client(number: number): Client {
    const client = this.#clients[number];
    assert.ok(client);
    return client;
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#begun);
    this.#begun = [];
  }

  /** The messages that `client` should have received so far. */
  #expected({ start, audience }: Client): Message[] {
    return this.#published
      .filter((message) => message.sequence > start && sees(audience, message))
      .sort((a, b) => a.sequence - b.sequence);
  }

  async #publish(drafts: readonly Draft[], key: string | undefined): Promise<void> {
    if (key === undefined) {
      this.#published.push(...await this.#log.publish(drafts));
      return;
    }
    const { messages, repeated } = await this.#log.publishOnce({ key, digest: "d" }, drafts);
    const at = this.#fixture.clock.now();
    const ids = messages.map(({ id }) => id).join();
    const earlier = this.#answers.get(key);
    if (repeated) return assert.equal(ids, earlier?.ids);
    if (earlier !== undefined) assert.ok(at - earlier.at >= DAY_MS, "published a second time");
    this.#answers.set(key, { ids, at });
    messages.forEach(({ id, time }, index) => {
      const draft = drafts[index];
      assert.ok(draft);
      this.#published.push({ ...draft, id, sequence: Number(id.split("-")[1]), time });
    });
  }

  async #connect(client: Client): Promise<void> {
    if (client.session !== undefined) return;
    let liveBuffer: Message[] | undefined = [];
    const stop = this.#log.subscribe((messages) => {
      if (liveBuffer === undefined) receive(client, messages);
      else liveBuffer.push(...messages);
    });
    const session = client.session = { stop, stopped: false };
    client.lastId ??= this.#begin(client);
    const upTo = await this.#replay(client, session);
    if (session.stopped) return;
    receive(client, liveBuffer.filter(({ sequence }) => sequence > upTo));
    liveBuffer = undefined;
  }

  /** Delivers missed messages; returns the last position. */
  async #replay(client: Client, session: { readonly stopped: boolean }): Promise<number> {
    let after = client.lastId;
    for (;;) {
      const page = await this.#log.read({ after, audience: client.audience, ...PAGE });
      if (session.stopped) return 0;
      if (page === "expired") {
        this.#assertMayExpire(after);
        client.lastId = after = this.#begin(client);
        continue;
      }
      receive(client, page.messages);
      if (!page.more) return page.upTo.sequence;
      after = page.upTo.id;
    }
  }

  /** The client starts here, without messages. */
  #begin(client: Client): string {
    this.#checkLater(client);
    const { id, sequence } = this.#log.head();
    client.start = sequence;
    client.received = [];
    return id;
  }

  #assertMayExpire(after: string | undefined): void {
    const sequence = Number(after?.split("-")[1]);
    const oldest = this.#fixture.clock.now() - RETENTION_MS;
    const lost = this.#published.some((m) => m.sequence > sequence && m.time <= oldest);
    assert.ok(lost, "everything since is young enough to be stored");
  }

  #drop(client: Client): void {
    if (client.session === undefined) return;
    client.session.stop();
    client.session.stopped = true;
    client.session = undefined;
    this.#checkLater(client);
  }

  /** Checks what was received so far. The publishes of some of it may still be unanswered. */
  #checkLater({ ...client }: Client): void {
    const received = [...client.received];
    this.#checks.push(() => {
      assert.deepEqual(received, this.#expected(client).slice(0, received.length));
    });
  }
}

function receive(client: Client, messages: readonly Message[]): void {
  for (const message of messages) {
    if (!sees(client.audience, message)) continue;
    client.received.push(message);
    client.lastId = message.id;
  }
}

function sees(audience: Audience, { channel, user }: Draft): boolean {
  if (channel !== undefined) return audience.channels.includes(channel);
  return user === undefined || user === audience.user;
}
