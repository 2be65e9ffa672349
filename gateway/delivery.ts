/**
 * What one session is sent, and from where on: live messages from the hub, or first a replay of what the
 * client missed.
 *
 * It knows neither the socket nor the session's state: it is given how to send, and told what is asked
 * for. `replay.ts` reads and orders; this file says which of the two sources is at work.
 *
 * @module
 */

import type { Encoded } from "./encode.ts";
import type { Metrics } from "./metrics.ts";
import type { MessageLog, Position } from "./ports.ts";
import { Replay } from "./replay.ts";

/** What a delivery works with. */
export interface DeliveryOptions {
  /** Where missed messages are read. */
  readonly log: MessageLog;
  /** Where it counts. */
  readonly metrics: Metrics;
  /** How far the fan-out has come. */
  readonly position: () => Position;
  /** Sends one message. Returns whether it was taken. */
  readonly send: (encoded: Encoded) => boolean;
  /** Resolves once the peer has taken everything, or is gone. */
  readonly drained: () => Promise<void>;
  /** Most bytes that may wait for the peer. */
  readonly maxBufferedBytes: number;
}

/** Where a session is to begin. */
export interface PlaceRequest {
  /** Whose messages. */
  readonly user: string;
  /** The channels whose messages. */
  readonly channels: readonly string[];
  /** The last id that the client has seen. */
  readonly lastId: string | undefined;
  /** Whether the session is ready already. */
  readonly renewal: boolean;
}

/** Where a session begins. */
export interface Place {
  /** The id after which its messages follow. */
  readonly lastId: string;
  /** Whether they are everything since what the client has seen. */
  readonly resumed: boolean;
}

/** What one session is sent. */
export class Delivery {
  readonly #options: DeliveryOptions;
  /** Counts requests for a place, so that only the newest one's replay is used. */
  #requests = 0;
  #replay: Replay | undefined;
  /** Everything up to here was sent by a replay that was ahead of the fan-out. */
  #liveAfter: Position | undefined;

  /** Nothing is sent yet. */
  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /**
   * Finds where the session begins and hands it to `found`, unless another request comes meanwhile.
   *
   * `found` is called in the very turn in which the place was looked at: what is fanned out between that
   * and joining the hub would be lost.
   *
   * @throws {OperationalError} when the log cannot be read
   */
  async locate(request: PlaceRequest, found: (place: Place) => void): Promise<void> {
    if (request.renewal) return found({ lastId: this.#sentUpTo(), resumed: true });
    const { lastId } = request;
    const number = ++this.#requests;
    this.#replay = undefined;
    if (lastId !== undefined) {
      const replay = this.#createReplay({ ...request, lastId });
      const kept = await replay.begin();
      if (this.#requests !== number) return;
      if (kept) {
        this.#replay = replay;
        return found({ lastId, resumed: true });
      }
    }
    found({ lastId: this.#options.position().id, resumed: false });
  }

  /**
   * Begins to send, with the replay that `locate` found if there is one, or goes on with other channels.
   * Resolves when nothing is replayed any more; `"expired"` if retention was faster.
   *
   * @throws {OperationalError} when the log cannot be read
   */
  async start(channels: readonly string[]): Promise<"live" | "stopped" | "expired"> {
    const replay = this.#replay;
    if (replay === undefined) return "live";
    if (!replay.running) return await replay.run();
    replay.replaceChannels(channels);
    return "live";
  }

  /** Takes a message from the fan-out. */
  offer(encoded: Encoded): void {
    if (this.#replay !== undefined) return this.#replay.offer(encoded);
    if (this.#liveAfter !== undefined) {
      if (encoded.message.sequence <= this.#liveAfter.sequence) return;
      this.#liveAfter = undefined;
    }
    if (this.#options.send(encoded)) this.#options.metrics.delivered(1);
  }

  /** `channel` was added to what the client may see, from after this place on. */
  enter(channel: string, after = this.#options.position().sequence): void {
    this.#replay?.enter(channel, after);
  }

  /** `channel` was taken from what the client may see. */
  exit(channel: string): void {
    this.#replay?.exit(channel);
  }

  /** Sends nothing more. */
  stop(): void {
    this.#requests += 1;
    this.#replay?.stop();
    this.#replay = undefined;
  }

  #createReplay(request: PlaceRequest & { readonly lastId: string }): Replay {
    const { log, metrics, position, drained, maxBufferedBytes } = this.#options;
    const send = (encoded: Encoded): boolean => {
      const sent = this.#options.send(encoded);
      if (sent) metrics.replayed(1);
      return sent;
    };
    const live = (reached: Position): void => {
      this.#replay = undefined;
      this.#liveAfter = reached;
    };
    const target = { send, drained, position, live };
    return new Replay({ log, target, ...request, maxBufferedBytes });
  }

  #sentUpTo(): string {
    if (this.#replay !== undefined) return this.#replay.cursorId;
    const position = this.#options.position();
    const after = this.#liveAfter;
    return after !== undefined && after.sequence > position.sequence ? after.id : position.id;
  }
}
