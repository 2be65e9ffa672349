/**
 * What the page knows, in one place. Views read it and draw; only the controller changes it.
 *
 * @module
 */

import type { ClientState, Json, TokenRequest } from "../client/mod.ts";
import { NoAnswerError, type Receipt, type Settings } from "./api.ts";
import type { Explained } from "./closes.ts";
import type { FrameEntry } from "./frames.ts";
import type { Samples } from "./prometheus.ts";
import { NO_SESSION, type SessionView } from "./session_view.ts";
import { messageOf } from "./text.ts";

/** Who is logged in on this page. */
export interface Identity {
  /** Where the tokens come from. */
  readonly from: "login" | "pasted";
  readonly user: string | undefined;
  readonly channels: readonly string[] | undefined;
  /** Unix milliseconds. */
  readonly expiresAt: number | undefined;
}

/** What somebody wanted and did not get. */
export interface Problem {
  readonly text: string;
  /** Whether it is over as soon as the gateway answers anything. */
  readonly isNoAnswer: boolean;
}

/** What is expected of a message. */
export type Arrival =
  | { readonly is: "here" }
  /** `later`: the client resumes, and gets it then. `missed`: it never comes here. */
  | { readonly is: "later" | "missed"; readonly why: string };

/** A message that the gateway stores. */
export interface Published extends Receipt {
  /** Whether it arrives on this page. */
  readonly arrival: Arrival;
}

/** How the last connection ended, and what came of it. */
export interface CloseView {
  readonly at: number;
  readonly explained: Explained;
  readonly reason: string;
  /** What the client does about it. */
  readonly next: string;
  /** How it is back; absent as long as it is not. */
  readonly back?: {
    readonly at: number;
    readonly resumed: boolean | undefined;
    readonly replayed: number;
  };
}

/** A message in the list, or a place where some may be missing. */
export type MessageEntry =
  | {
    readonly kind: "message";
    readonly seq: number;
    readonly id: string;
    readonly channel: string | undefined;
    readonly author: string;
    readonly content: Json;
    readonly at: number;
    /** Whether it was published while the client was away. */
    readonly isReplayed: boolean;
  }
  | { readonly kind: "gap"; readonly seq: number; readonly at: number };

/** What a heartbeat of the client took. */
export interface RoundTrip {
  readonly at: number;
  readonly ms: number;
}

/** What the gateway last said of itself. */
export interface ServerView {
  readonly samples: Samples | undefined;
  readonly problem: string | undefined;
}

/** Which faults are under way. */
export interface Faults {
  /** Heartbeats are not answered. */
  readonly isMute: boolean;
  /** The connection is kept away; since when, in unix milliseconds. */
  readonly awaySince: number | undefined;
  /** A token that is about to expire is in use, and is not renewed. */
  readonly isExpiring: boolean;
}

/** The whole of it. */
export interface State {
  readonly settings: Settings | undefined;
  readonly settingsProblem: string | undefined;
  readonly identity: Identity | undefined;
  readonly loginProblem: Problem | undefined;
  /** Why the client waits for somebody to paste another token, if it does. */
  readonly tokenWanted: TokenRequest["reason"] | undefined;
  readonly publishProblem: Problem | undefined;
  readonly published: Published | undefined;
  /** How many connections the gateway closed when the user was last disconnected. */
  readonly disconnected: number | undefined;
  readonly disconnectProblem: Problem | undefined;
  /** `none` before the first connection. */
  readonly client: ClientState | "none";
  /** When the client tries again, in unix milliseconds. */
  readonly retryAt: number | undefined;
  /** What failed that the client tries again. */
  readonly clientProblem: string | undefined;
  readonly session: SessionView;
  readonly close: CloseView | undefined;
  readonly frames: readonly FrameEntry[];
  /** Frames from before this number were cleared. */
  readonly framesFrom: number;
  readonly messages: readonly MessageEntry[];
  readonly roundTrips: readonly RoundTrip[];
  readonly faults: Faults;
  readonly server: ServerView;
  /** The last thing worth saying to who does not see the page. */
  readonly announcement: string;
}

/** How much is kept. */
export const LIMITS = { frames: 500, messages: 200, roundTrips: 300 } as const;

/** No fault is under way. */
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

/** Holds the state, and tells when it has changed. */
export class Store {
  #state = INITIAL;
  readonly #listeners: (() => void)[] = [];

  /** As it is now. */
  get state(): State {
    return this.#state;
  }

  /** Changes parts of it. */
  update(changes: Partial<State>): void {
    this.#state = { ...this.#state, ...changes };
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after each change, of which there may be thousands a second. */
  subscribe(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

/** Without everything that one user has seen and that is nothing to another. */
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
    ...withoutFrames(state),
  };
}

/** Without the frames so far. */
export function withoutFrames({ frames, framesFrom }: State): Partial<State> {
  const last = frames.at(-1);
  return { frames: [], framesFrom: last === undefined ? framesFrom : last.seq + 1 };
}

/** Without what was wrong because nobody answered: now somebody does. */
export function answered(state: State): Partial<State> {
  return Object.fromEntries(
    (["loginProblem", "publishProblem", "disconnectProblem"] as const)
      .filter((name) => state[name]?.isNoAnswer === true)
      .map((name) => [name, undefined]),
  );
}

/** Without saying of a message that it is still to come. */
export function arrived({ published }: State): Partial<State> {
  if (published?.arrival.is !== "later") return {};
  return { published: { ...published, arrival: { is: "here" } } };
}

/** An error as a problem. */
export function problemOf(error: unknown): Problem {
  return { text: messageOf(error), isNoAnswer: error instanceof NoAnswerError };
}

/** `list` with `entry` at its end, and no longer than `limit`. */
export function append<T>(list: readonly T[], entry: T, limit: number): readonly T[] {
  return [...list.slice(Math.max(0, list.length + 1 - limit)), entry];
}
