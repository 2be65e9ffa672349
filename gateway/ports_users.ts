/**
 * The part of the ports about users: what is done with their connections and tokens, and who is connected. No
 * code.
 *
 * @module
 */

/** The open connections of users, on one gateway or all nodes of a deployment. */
export interface Users {
  /**
   * Executes `command` on the connections that its user has open now, before the messages that are published
   * after it. Resolves with the number of connections that it closed.
   *
   * @throws {OperationalError} when the command cannot be stored
   */
  execute(command: UserCommand): Promise<number>;
  /**
   * Counts the ready connections of each of `users`, with their channels, in the order of `users`.
   *
   * @throws {OperationalError} `log_unavailable` when a node does not answer
   */
  presence(users: readonly string[]): readonly Presence[] | Promise<readonly Presence[]>;
  /**
   * Describes the ready connections of `user`.
   *
   * @throws {OperationalError} `log_unavailable` when a node does not answer
   */
  inspect(user: string): Promise<UserDetails>;
  /**
   * Counts the users and ready connections in `channel`.
   *
   * @throws {OperationalError} `log_unavailable` when a node does not answer
   */
  channelPresence(channel: string): ChannelPresence | Promise<ChannelPresence>;
  /**
   * Lists users in a channel, in the order of their names (UTF-16 code units).
   *
   * @throws {OperationalError} `log_unavailable` when a node does not answer
   */
  channelUsers(query: ChannelUsersQuery): ConnectedUsersPage | Promise<ConnectedUsersPage>;
}

/** The ready connections of a user. */
export interface Presence {
  /** Number of ready connections. */
  readonly connections: number;
  /** Channels of all of them together, sorted, without repetitions. */
  readonly channels: readonly string[];
}

/** A user's ready connections one by one, to find out why a message did not arrive. */
export interface UserDetails extends Presence {
  /** The newest 100 of each node, newest first. */
  readonly sessions: readonly SessionDetails[];
}

/** The gateway that has a connection. */
export interface NodeDetails {
  /** Names the node to operators. */
  readonly node: string;
  /** The transport that clients connect to. */
  readonly transport: string;
}

/** A ready connection. */
export interface SessionDetails extends NodeDetails {
  /** The connection's id in the log of its node. */
  readonly id: string;
  /** Unix milliseconds of its first Ready. */
  readonly since: number;
  /** Milliseconds until the last answered heartbeat was answered; `null` before the first. */
  readonly roundTripMs: number | null;
  /** Bytes that the network has not taken. */
  readonly unsentBytes: number;
  /** The id after which the running replay began; `null` if none runs. */
  readonly replayingAfter: string | null;
  /** Everything up to this id that the user may see was passed to the connection. */
  readonly sentUpTo: string;
}

/** The users and connections in a channel. */
export interface ChannelPresence {
  /** Number of users with a ready connection in it. */
  readonly users: number;
  /** Number of their ready connections in it. */
  readonly connections: number;
}

/** A request for one page of the users in a channel. */
export interface ChannelUsersQuery {
  /** Lists the users in this channel. */
  readonly channel: string;
  /** Lists users after this name; `undefined` lists from the first. */
  readonly after: string | undefined;
  /** Most users. */
  readonly limit: number;
}

/** One page of users. */
export interface ConnectedUsersPage {
  /** By name; fewer than the limit also where more follow, if their names are long. */
  readonly users: readonly ConnectedUser[];
  /** More follow after the last of `users`. */
  readonly more: boolean;
}

/** A user in a channel. */
export interface ConnectedUser {
  /** The token's `sub`. */
  readonly user: string;
  /** Number of ready connections in the channel. */
  readonly connections: number;
}

/** The ready connections of users on one gateway, for a limit on all nodes together. */
export interface LimitedUsers {
  /** Called after each Ready; the caller that applies the limit sets it. */
  onReady: (user: string) => void;
  /** The steady time of the first Ready of each ready connection of `user`. */
  readyTimes(user: string): readonly number[];
  /** Closes the connections of `user` that were ready before `time`, with 4011. */
  replaceOlder(user: string, time: number): void;
}

/** The tokens of a user that are no longer valid. */
export interface Revocation {
  /** The user. */
  readonly user: string;
  /** Revokes the tokens that were issued before, in unix milliseconds, and those that do not say when. */
  readonly issuedBefore: number;
}

/** The revocations that hold, each for a limited time. */
export interface Revocations {
  /** Stores `revocation`; resolves once it is durable and holds here. */
  revoke(revocation: Revocation): Promise<void>;
  /** Returns whether a token with these claims is revoked. */
  isRevoked(claims: { readonly user: string; readonly issuedAt: number }): boolean;
}

/**
 * Subscribes the open connections of a user to a channel, unsubscribes them, or closes them with 4010, each after
 * the messages that were published before.
 */
export type OrderedCommand =
  | { readonly do: "join" | "leave"; readonly user: string; readonly channel: string }
  | { readonly do: "disconnect"; readonly user: string };

/** An ordered command, or the revocation of tokens, which closes connections at once, with 4003. */
export type UserCommand = OrderedCommand | ({ readonly do: "revoke" } & Revocation);

/** A command in a shared log. Nodes answer to the subject `reply`, if there is one, once they have executed it. */
export type SharedCommand = UserCommand & { readonly reply?: string };

/**
 * Carries commands in a log that many nodes share. A command has its place among the messages, so that every node
 * executes it at the same place, also one that was disconnected for a while.
 */
export interface CommandLog {
  /** Stores `command`; resolves once it is durable and this node's listeners were notified of it. */
  appendCommand(command: SharedCommand): Promise<void>;
  /** Notifies `listener` of every command after the head of the log. Returns a function that unsubscribes. */
  subscribeCommands(listener: (command: SharedCommand) => void): () => void;
  /**
   * The number of the last entry, of messages or a command, of which this node's listeners were notified. An entry
   * has the same number on every node.
   */
  readonly followed: number;
  /** Resolves with true once {@linkcode followed} is `number` or more, with false after `timeoutMs`. */
  whenFollowed(number: number, timeoutMs: number): Promise<boolean>;
}

/** The nodes of a deployment, as the webhooks of one of them need them. */
export interface Nodes {
  /** The name of this node. */
  readonly node: string;
  /** Sets the listener, once. */
  listen(listener: NodeListener): void;
  /**
   * Asks every node for the states of `users`, in their order; this one answers too.
   *
   * @throws {OperationalError} `log_unavailable` when a live node does not answer
   */
  statesOf(users: readonly string[]): Promise<readonly NodeStates[]>;
  /** Tells the other nodes what the backend believes of a user. May be lost. */
  settled(user: string, state: UserState): void;
}

/** One node's side of what the others ask and tell. */
export interface NodeListener {
  /** Answers the question of `node`, which may be this one. */
  statesFor(node: string, users: readonly string[]): readonly NodeState[];
  /** `node` says that the backend believes `state` of `user`. */
  settled(node: string, user: string, state: UserState): void;
  /** A node that was lost is back, or this one was cut off and no longer is. */
  reunited(): void;
}

/** The answer of one node. */
export interface NodeStates {
  /** The name of the node. */
  readonly node: string;
  /** In the order of the users in question. */
  readonly states: readonly NodeState[];
}

/** Online is a user with a ready connection on any node. */
export type UserState = "online" | "offline";

/** A user on one node. */
export interface NodeState {
  /** Ready connections there. */
  readonly connections: number;
  /** Absent if the node has nothing to tell the backend. */
  readonly entry?: NodeEntry;
}

/** A user about whom a node has still to tell the backend. */
export interface NodeEntry {
  /** The state in which the backend believes the user to be, as far as the node knows. */
  readonly belief: UserBelief;
  /** The backend took this state when it was told of it, by this node or another, while the entry was there. */
  readonly certain: boolean;
  /** Its last change is younger than the debounce; it is due; it asks the nodes; it tells the backend. */
  readonly phase: "fresh" | "due" | "asking" | "sending";
}

/**
 * The state in which the backend believes a user to be. It is `uncertain` if an attempt failed, or the backend has
 * asked meanwhile; `unknown` to a node where the user was not.
 */
export type UserBelief = UserState | "uncertain" | "unknown";
