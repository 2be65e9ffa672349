/**
 * The state of the page. Views draw it; only the controller and `client_events.ts` change it.
 *
 * @module
 */

import type { ClientState, Json, TokenRequest } from "../client/mod.ts";
import { NoAnswerError, type Receipt, type Settings, type UserReport } from "./api.ts";
import type { Explained } from "./closes.ts";
import type { FrameEntry } from "./frames.ts";
import type { Samples } from "./prometheus.ts";
import { NO_SESSION, type SessionView } from "./session_view.ts";
import { messageOf } from "./text.ts";

/** The user whose token the page has. */
export interface Identity {
  readonly from: "login" | "pasted";
  readonly user: string | undefined;
  readonly channels: readonly string[] | undefined;
  /** Unix milliseconds. */
  readonly expiresAt: number | undefined;
}

/** The failure of an action. */
export interface Problem {
  readonly text: string;
  /** True if any answer of the gateway clears it. */
  readonly isNoAnswer: boolean;
}

/** The expectation of a message. */
export type Arrival =
  | { readonly is: "here" }
  /** `later`: when the client resumes. `missed`: never. */
  | { readonly is: "later" | "missed"; readonly why: string };

export interface Published extends Receipt {
  readonly arrival: Arrival;
}

/** The end of the last connection. */
export interface CloseView {
  readonly at: number;
  readonly explained: Explained;
  readonly reason: string;
  /** The client's next step. */
  readonly next: string;
  /** The next Ready; absent before it. */
  readonly back?: {
    readonly at: number;
    readonly resumed: boolean | undefined;
    readonly replayed: number;
  };
}

/** A message, or a gap where some may be missing. */
export type MessageEntry =
  | {
    readonly kind: "message";
    readonly seq: number;
    readonly id: string;
    readonly channel: string | undefined;
    readonly author: string;
    readonly content: Json;
    readonly at: number;
    /** True if it was published while the client was disconnected. */
    readonly isReplayed: boolean;
  }
  | { readonly kind: "gap"; readonly seq: number; readonly at: number };

export interface RoundTrip {
  readonly at: number;
  readonly ms: number;
}

export interface ServerView {
  readonly samples: Samples | undefined;
  readonly problem: string | undefined;
}

/** The faults that are active. */
export interface Faults {
  /** Heartbeats are not acknowledged. */
  readonly isMute: boolean;
  /** The time since which connections are blocked, in unix milliseconds. */
  readonly awaySince: number | undefined;
  /** A short-lived token is in use and is not renewed. */
  readonly isExpiring: boolean;
}

export interface State {
  readonly settings: Settings | undefined;
  readonly settingsProblem: string | undefined;
  readonly identity: Identity | undefined;
  readonly loginProblem: Problem | undefined;
  /** The reason why the client waits for a pasted token. */
  readonly tokenWanted: TokenRequest["reason"] | undefined;
  readonly publishProblem: Problem | undefined;
  readonly published: Published | undefined;
  /** The number of connections closed by the last disconnect of the user. */
  readonly disconnected: number | undefined;
  readonly disconnectProblem: Problem | undefined;
  /** The user that was looked up last. */
  readonly lookup: UserReport | undefined;
  readonly lookupProblem: Problem | undefined;
  /** `none` before the first connection. */
  readonly client: ClientState | "none";
  /** The time of the next attempt, in unix milliseconds. */
  readonly retryAt: number | undefined;
  /** The last `error` of the client. */
  readonly clientProblem: string | undefined;
  readonly session: SessionView;
  readonly close: CloseView | undefined;
  readonly frames: readonly FrameEntry[];
  /** Frames before this number were cleared. */
  readonly framesFrom: number;
  readonly messages: readonly MessageEntry[];
  readonly roundTrips: readonly RoundTrip[];
  readonly faults: Faults;
  readonly server: ServerView;
  /** The text of the live region, for screen readers. */
  readonly announcement: string;
}

/** Older entries are dropped. */
export const LIMITS = { frames: 500, messages: 200, roundTrips: 300 } as const;

export const NO_FAULTS: Faults = { isMute: false, awaySince: undefined, isExpiring: false };

const INITIAL: State = {
  settings: undefined,
  settingsProblem: undefined,
  identity: undefined,
  loginProblem: undefined,
  tokenWanted: undefined,
  publishProblem: undefined,
  published: undefined,
  disconnected: undefined,
  disconnectProblem: undefined,
  lookup: undefined,
  lookupProblem: undefined,
  client: "none",
  retryAt: undefined,
  clientProblem: undefined,
  session: NO_SESSION,
  close: undefined,
  frames: [],
  framesFrom: 0,
  messages: [],
  roundTrips: [],
  faults: NO_FAULTS,
  server: { samples: undefined, problem: undefined },
  announcement: "",
};

export class Store {
  #state = INITIAL;
  readonly #listeners: (() => void)[] = [];

  get state(): State {
    return this.#state;
  }

  update(changes: Partial<State>): void {
    this.#state = { ...this.#state, ...changes };
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after each change, up to thousands of times a second. */
  subscribe(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

/** Clears what must not be shown to the next user. */
export function withoutTraces(state: State): Partial<State> {
  return {
    client: "none",
    session: NO_SESSION,
    close: undefined,
    messages: [],
    roundTrips: [],
    published: undefined,
    disconnected: undefined,
    disconnectProblem: undefined,
    lookup: undefined,
    lookupProblem: undefined,
    ...withoutFrames(state),
  };
}

export function withoutFrames({ frames, framesFrom }: State): Partial<State> {
  const last = frames.at(-1);
  return { frames: [], framesFrom: last === undefined ? framesFrom : last.seq + 1 };
}

/** Clears the problems of missing answers. */
export function answered(state: State): Partial<State> {
  return Object.fromEntries(
    (["loginProblem", "publishProblem", "disconnectProblem", "lookupProblem"] as const)
      .filter((name) => state[name]?.isNoAnswer === true)
      .map((name) => [name, undefined]),
  );
}

/** Marks a pending message as arrived. */
export function arrived({ published }: State): Partial<State> {
  if (published?.arrival.is !== "later") return {};
  return { published: { ...published, arrival: { is: "here" } } };
}

export function problemOf(error: unknown): Problem {
  return { text: messageOf(error), isNoAnswer: error instanceof NoAnswerError };
}

/** Appends `entry`, and drops the oldest beyond `limit`. */
export function append<T>(list: readonly T[], entry: T, limit: number): readonly T[] {
  return [...list.slice(Math.max(0, list.length + 1 - limit)), entry];
}
