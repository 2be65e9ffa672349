/**
 * Chooses what a session receives: a replay of missed messages first, then live ones.
 *
 * It knows neither the socket nor the session's state. `replay.ts` reads and orders; this file switches between
 * the two sources.
 *
 * @module
 */

import { type Run, runAfter } from "./encode.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { MessageLog, OrderedCommand, Position, SessionDetails } from "../ports.ts";
import { Replay } from "./replay.ts";

export interface DeliveryContext {
  readonly log: MessageLog;
  readonly metrics: Metrics;
  readonly hub: FanOut;
  readonly options: {
    /** Most bytes that may be unsent. */
    readonly maxBufferedBytes: number;
  };
}

export interface FanOut {
  /** The last message whose fan-out has begun. */
  readonly position: Position;
  /** Runs `action` as soon as every member has everything up to `position`. */
  betweenRuns(action: () => void): void;
}

export interface Recipient {
  /** Called only while the session is ready. Returns `false` if too much is unsent. */
  sendRun(run: Run): boolean;
  /** Resolves once everything has been sent, or was discarded at the end of the session. */
  whenSent(): Promise<void>;
}

export interface StartRequest {
  readonly user: string;
  readonly channels: readonly string[];
  /** The id of the last message that the client received. */
  readonly lastId: string | undefined;
  /** The session is ready and renews its token. */
  readonly renewal: boolean;
}

export interface StartPosition {
  /** The session's messages follow this id. */
  readonly lastId: string;
  /** The client misses nothing between the last id that it sent and this one. */
  readonly resumed: boolean;
}

export class Delivery {
  readonly #context: DeliveryContext;
  readonly #recipient: Recipient;
  /** Counts calls of `resolveStart`, so that only the replay of the newest is used. */
  #requests = 0;
  #replay: Replay | undefined;
  /** The end of a replay that was ahead of the fan-out; live messages up to it are skipped. */
  #liveAfter: Position | undefined;
  /** Commands that the hub has not reached yet, each with the sequence that it follows. */
  #aheadOfHub: Map<OrderedCommand, number> | undefined;

  constructor(context: DeliveryContext, recipient: Recipient) {
    this.#context = context;
    this.#recipient = recipient;
  }

  /**
   * Passes the session's start to `onResolved`, unless a newer call overtakes this one.
   *
   * Calls `onResolved` in the turn of the event loop in which it read the position: messages fanned out between
   * that and registering with the hub would be lost.
   *
   * @throws {OperationalError} when the log cannot be read
   */
  async resolveStart(
    request: StartRequest,
    onResolved: (start: StartPosition) => void,
  ): Promise<void> {
    const { hub } = this.#context;
    if (request.renewal) {
      // In the middle of a run, this member may not have what the position says.
      return hub.betweenRuns(() => onResolved({ lastId: this.#sentUpTo(), resumed: true }));
    }
    const { lastId } = request;
    const number = ++this.#requests;
    this.#replay = undefined;
    if (lastId !== undefined) {
      const replay = this.#createReplay({ ...request, lastId });
      const complete = await replay.begin();
      if (this.#requests !== number) return;
      if (complete) {
        this.#replay = replay;
        return onResolved({ lastId, resumed: true });
      }
    }
    onResolved({ lastId: hub.position.id, resumed: false });
  }

  /**
   * Starts the replay that `resolveStart` prepared, or gives a running one new channels. Resolves when a replay
   * that it started ends; `"expired"` if retention overtook it.
   *
   * @throws {OperationalError} when the log cannot be read
   */
  async start(channels: readonly string[]): Promise<"live" | "stopped" | "expired"> {
    const replay = this.#replay;
    if (replay === undefined) return "live";
    if (!replay.running) return await replay.run();
    replay.replaceChannels(channels);
    // The hub has the new channels before these commands, so the replay must, too.
    for (const [command, sequence] of this.#aheadOfHub ?? []) {
      executeIn(replay, command, sequence);
    }
    return "live";
  }

  /** A replay is running: messages from before this moment are still to be sent. */
  get isReplaying(): boolean {
    return this.#replay !== undefined;
  }

  /** Returns the part of `run` to send now. A replay buffers the run, or has sent the rest. */
  offer(run: Run): Run | undefined {
    if (this.#replay !== undefined) {
      this.#replay.offer(run);
      return undefined;
    }
    if (this.#liveAfter === undefined) return run;
    const live = runAfter(run, this.#liveAfter.sequence);
    if (live !== undefined) this.#liveAfter = undefined;
    return live;
  }

  /** Executes `command`, which follows the message `sequence`, on the replay if there is one. */
  executeInReplay(command: OrderedCommand, sequence: number): void {
    if (this.#replay === undefined) return;
    this.#aheadOfHub ??= new Map();
    this.#aheadOfHub.set(command, sequence);
    executeIn(this.#replay, command, sequence);
  }

  /** The hub has reached `command`. */
  executed(command: OrderedCommand): void {
    this.#aheadOfHub?.delete(command);
  }

  /** How far it has come. In the middle of a run of the hub, the recipient may not have that run. */
  get progress(): Pick<SessionDetails, "replayingAfter" | "sentUpTo"> {
    return { replayingAfter: this.#replay?.after ?? null, sentUpTo: this.#sentUpTo() };
  }

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

function executeIn(replay: Replay, command: OrderedCommand, sequence: number): void {
  if (command.do === "join") replay.subscribe(command.channel, sequence);
  if (command.do === "leave") replay.unsubscribe(command.channel);
}
