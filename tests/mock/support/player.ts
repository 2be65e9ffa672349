/**
 * A client that a test plays on a mock gateway: records frames, and answers heartbeats on demand.
 *
 * @module
 */

import { asFrame } from "../../../mock/gateway/transcript.ts";
import type { MockGateway } from "../../../mock/mod.ts";

export type Frame = Readonly<Record<string, unknown>>;

/** The end of a connection, and the virtual milliseconds until then. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
  readonly atMs: number;
}

/** One connection and its frames. */
export class Player {
  readonly socket: WebSocket;
  readonly frames: (Frame & { readonly atMs: number })[] = [];
  readonly texts: string[] = [];
  #ending: Ending | undefined;
  /** True if heartbeats are acknowledged. */
  answers = true;

  constructor(readonly gateway: MockGateway) {
    const { clock } = gateway;
    this.socket = new gateway.WebSocket(gateway.wsUrl);
    this.socket.onmessage = ({ data }) => {
      this.texts.push(data);
      const frame = asFrame(data);
      if (!isObject(frame)) return;
      this.frames.push({ ...frame, atMs: clock.elapsedMs });
      if (frame["op"] === 10 && this.answers) this.send({ op: 11, time: frame["time"] });
    };
    this.socket.onclose = ({ code, reason, wasClean }) => {
      this.#ending = { code, reason, wasClean, atMs: clock.elapsedMs };
    };
  }

  /** A client whose connection is open. */
  static async connect(gateway: MockGateway): Promise<Player> {
    const player = new Player(gateway);
    await gateway.settled();
    return player;
  }

  /** A client that has identified. */
  static async ready(gateway: MockGateway, lastId?: string): Promise<Player> {
    const player = await Player.connect(gateway);
    await player.identify(await gateway.token(), lastId);
    return player;
  }

  /** Sends Identify, and waits for its effects. */
  async identify(token: string, lastId?: string): Promise<void> {
    this.send({ op: 1, token, ...lastId === undefined ? {} : { last_id: lastId } });
    await this.gateway.settled();
  }

  /** The end; a method, because TypeScript would narrow a property for good. */
  ending(): Ending | undefined {
    return this.#ending;
  }

  send(frame: Frame): void {
    this.socket.send(JSON.stringify(frame));
  }

  of(op: number): readonly (Frame & { readonly atMs: number })[] {
    return this.frames.filter((frame) => frame["op"] === op);
  }

  /** The contents of the messages so far. */
  get messages(): readonly unknown[] {
    return this.of(3).map((frame) => frame["content"]);
  }
}

/** A message to the channel that every token of the mock issuer has. */
export function saying(content: string | number): {
  readonly channel: string;
  readonly author: string;
  readonly content: string | number;
} {
  return { channel: "general", author: "7", content };
}

function isObject(value: unknown): value is Frame {
  return typeof value === "object" && value !== null;
}
