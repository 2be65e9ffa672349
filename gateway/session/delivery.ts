/**
 * What one session is sent, and from where on: live messages from the hub, or first a replay of what the
 * client missed.
 *
 * It knows neither the socket nor the session's state: it is given how to send, and told what is asked
 * for. `replay.ts` reads and orders; this file says which of the two sources is at work.
 *
 * @module
 */

import { type Run, runAfter } from "./encode.ts";
import type { Metrics } from "../metrics.ts";
import type { MessageLog, Position, UserCommand } from "../ports.ts";
import { Replay } from "./replay.ts";

/** What all deliveries of a gateway work with. */
export interface DeliveryContext {
  /** Where missed messages are read. */
  readonly log: MessageLog;
  /** Where it counts. */
  readonly metrics: Metrics;
  /** How far the fan-out has come. */
  readonly hub: FanOut;
  /** Where the bounds are. */
  readonly options: {
    /** Most bytes that may wait for the peer. */
    readonly maxBufferedBytes: number;
  };
}

/** What a delivery asks of the fan-out. */
export interface FanOut {
  /** The last message that was fanned out. */
  readonly position: Position;
  /** Runs `action` when each member has everything up to the position. */
  betweenRuns(action: () => void): void;
}

/** The connection that a delivery is for. */
export interface Recipient {
  /** Sends messages. Returns whether they were taken. */
  sendRun(run: Run): boolean;
  /** Resolves once the peer has taken everything, or is gone. */
  whenSent(): Promise<void>;
}

/** Where a session is to begin. */
export interface StartRequest {
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
export interface StartPosition {
  /** The id after which its messages follow. */
  readonly lastId: string;
  /** Whether they are everything since what the client has seen. */
  readonly resumed: boolean;
}

/** What one session is sent. */
export class Delivery {
  readonly #context: DeliveryContext;
  readonly #recipient: Recipient;
  /** Counts requests for a place, so that only the newest one's replay is used. */
  #requests = 0;
  #replay: Replay | undefined;
  /** Everything up to here was sent by a replay that was ahead of the fan-out. */
  #liveAfter: Position | undefined;

  /** Nothing is sent yet. */
  constructor(context: DeliveryContext, recipient: Recipient) {
    this.#context = context;
    this.#recipient = recipient;
  }

  /**
   * Finds where the session begins and hands it to `found`, unless another request comes meanwhile.
   *
   * `found` is called in the very turn in which the place was looked at: what is fanned out between that
   * and registering with the hub would be lost.
   *
   * @throws {OperationalError} when the log cannot be read
   */
  async locate(request: StartRequest, found: (place: StartPosition) => void): Promise<void> {
    const { hub } = this.#context;
    if (request.renewal) {
      // In the middle of a run, this member may not have what the position says.
      return hub.betweenRuns(() => found({ lastId: this.#sentUpTo(), resumed: true }));
    }
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
    found({ lastId: hub.position.id, resumed: false });
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

  /** Takes messages from the fan-out. */
  offer(run: Run): void {
    if (this.#replay !== undefined) return this.#replay.offer(run);
    let live: Run | undefined = run;
    if (this.#liveAfter !== undefined) {
      live = runAfter(run, this.#liveAfter.sequence);
      if (live === undefined) return;
      this.#liveAfter = undefined;
    }
    if (this.#recipient.sendRun(live)) this.#context.metrics.delivered(live.messages.length);
  }

  /** Executes `command`, which comes after the message `sequence`, on the replay. */
  executeInReplay(command: UserCommand, sequence: number): void {
    if (command.do === "join") this.#replay?.subscribe(command.channel, sequence);
    if (command.do === "leave") this.#replay?.unsubscribe(command.channel);
  }

  /** Sends nothing more. */
  stop(): void {
    this.#requests += 1;
    this.#replay?.stop();
    this.#replay = undefined;
  }

  #createReplay(request: StartRequest & { readonly lastId: string }): Replay {
    const { log, metrics, hub, options: { maxBufferedBytes } } = this.#context;
    const recipient = this.#recipient;
    const target = {
      send: (run: Run): boolean => {
        const sent = recipient.sendRun(run);
        if (sent) metrics.replayed(run.messages.length);
        return sent;
      },
      flushed: () => recipient.whenSent(),
      position: () => hub.position,
      live: (reached: Position): void => {
        this.#replay = undefined;
        this.#liveAfter = reached;
      },
    };
    return new Replay({ log, target, ...request, maxBufferedBytes });
  }

  #sentUpTo(): string {
    if (this.#replay !== undefined) return this.#replay.cursorId;
    const { position } = this.#context.hub;
    const after = this.#liveAfter;
    return after !== undefined && after.sequence > position.sequence ? after.id : position.id;
  }
}
