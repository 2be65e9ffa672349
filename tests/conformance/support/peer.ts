/**
 * A well-behaved client of the gateway's protocol on top of {@linkcode RawClient}, for tests of frames: it
 * always reads, acknowledges heartbeats, answers the close frame, and queues every other frame for the test.
 * It does not reconnect; `member.ts` is for messages as an app receives them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type CloseInfo, closeInfo, type ConnectOptions, RawClient } from "./raw_client.ts";
import { within } from "./wait.ts";
import { type FrameSpec, type WireFrame, WireOp } from "./wire.ts";

/** A frame of the gateway's protocol. */
export type Frame = Readonly<Record<string, unknown>>;

export interface PeerOptions extends ConnectOptions {
  readonly token: string;
  /** Asks for signals. */
  readonly signals?: boolean;
}

/** A connection that reads by itself. */
export class Peer implements Disposable {
  readonly raw: RawClient;
  /** The gateway's close frame; `undefined` if the connection ended without one. */
  readonly closed: Promise<CloseInfo | undefined>;
  readonly #inbox: Frame[] = [];
  #wake: (() => void) | undefined;
  #over = false;

  private constructor(raw: RawClient) {
    this.raw = raw;
    this.closed = this.#pump();
    // Does not fail tests that never read it.
    this.closed.catch(() => undefined);
  }

  /** Connects to the gateway's WebSocket URL. The first frame is Hello. */
  static async connect(url: string, options: ConnectOptions = {}): Promise<Peer> {
    return new Peer(await RawClient.connect(url, options));
  }

  /** Connects and identifies; resolves with the peer and the Ready frame. */
  static async ready(url: string, options: PeerOptions): Promise<{ peer: Peer; ready: Frame }> {
    const peer = await Peer.connect(url, options);
    try {
      assert.equal((await peer.next("Hello"))["op"], 0);
      const { token, signals } = options;
      await peer.raw.json({ op: 1, token, ...(signals === undefined ? {} : { signals }) });
      return { peer, ready: await peer.nextReady() };
    } catch (error) {
      peer[Symbol.dispose]();
      throw error;
    }
  }

  async identify(token: string, lastId?: string): Promise<void> {
    await this.raw.json({ op: 1, token, ...(lastId === undefined ? {} : { last_id: lastId }) });
  }

  /** The next frame that is no Heartbeat. Throws if the connection ends instead. */
  async next(what = "a frame"): Promise<Frame> {
    return await within(what, this.#take(what));
  }

  async nextReady(): Promise<Frame> {
    const frame = await this.next("Ready");
    assert.equal(frame["op"], 2, `expected Ready, got ${JSON.stringify(frame)}`);
    return frame;
  }

  async nextMessage(what = "a Message"): Promise<Frame> {
    const frame = await this.next(what);
    assert.equal(frame["op"], 3, `expected ${what}, got ${JSON.stringify(frame)}`);
    return frame;
  }

  /** The contents of the next `count` frames, which must be Messages. */
  async nextContents(count: number): Promise<unknown[]> {
    const contents: unknown[] = [];
    while (contents.length < count) {
      const message = await this.nextMessage(`message ${contents.length + 1} of ${count}`);
      contents.push(message["content"]);
    }
    return contents;
  }

  /** The gateway's close code; throws if the connection ends without one. */
  async closeCode(what = "a close frame"): Promise<number | undefined> {
    const close = await within(what, this.closed);
    assert.ok(close !== undefined, `the connection ended without ${what}`);
    return close.code;
  }

  /** Ends the TCP connection. */
  [Symbol.dispose](): void {
    this.raw[Symbol.dispose]();
  }

  async #take(what: string): Promise<Frame> {
    for (;;) {
      const frame = this.#inbox.shift();
      if (frame !== undefined) return frame;
      if (this.#over) {
        assert.fail(`closed with ${JSON.stringify(await this.closed)} instead of ${what}`);
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Throws for a frame that breaks the protocol; the next call for a frame rejects with it. */
  async #pump(): Promise<CloseInfo | undefined> {
    try {
      for (;;) {
        const frame = await this.raw.nextEver();
        if (frame === undefined) return undefined;
        if (frame.opcode === WireOp.Close) {
          await this.#tell({ opcode: WireOp.Close, payload: frame.payload });
          return closeInfo(frame);
        }
        await this.#handle(frame);
        this.#wake?.();
      }
    } finally {
      this.#over = true;
      this.#wake?.();
    }
  }

  async #handle(frame: WireFrame): Promise<void> {
    assert.equal(frame.opcode, WireOp.Text, "the gateway sends text only");
    const value: Frame = JSON.parse(new TextDecoder().decode(frame.payload));
    if (value["op"] !== 10) this.#inbox.push(value);
    else await this.#tell({ payload: JSON.stringify({ op: 11, time: value["time"] }) });
  }

  /** Sends, unless the connection has ended; reading reports that. */
  async #tell(spec: FrameSpec): Promise<void> {
    await this.raw.send(spec).catch(() => undefined);
  }
}
