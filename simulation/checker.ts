/**
 * Follows every connection and every message of a world and reports the first broken rule
 * (docs/simulation.md, "What is checked").
 *
 * It implements the protocol's text independently, and reads the gateway's state only to find
 * leaks.
 *
 * @module
 */

import type { AdmissionOptions } from "../gateway/admission.ts";
import type { Connection } from "../gateway/session/connection.ts";
import type { ConnectionOptions } from "../gateway/session/connection_context.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Message, UserCommand } from "../gateway/ports.ts";
import type { FakeClock } from "../mock/doubles/clock.ts";
import { meaningOf } from "./client_frames.ts";
import { Delivery } from "./delivery.ts";
import type { SimulatedDisk } from "./disk.ts";
import { LeftoverCheck } from "./leftovers.ts";
import { type Durable, History, Progress } from "./history.ts";
import type { Link, LinkObserver } from "./network.ts";
import { type OddFrame, WINDOW_BYTES } from "./pipe.ts";
import { type Ready, ReadyCheck } from "./ready_check.ts";
import { RevocationCheck } from "./revocation_check.ts";
import { Session } from "./session.ts";
import { SignalCheck } from "./signal_check.ts";
import { UserLimitCheck, type UserLimitDeps } from "./user_limit.ts";
import type { Verdict } from "./verifier.ts";
import type { Report } from "./violation.ts";

export interface CheckerOptions extends UserLimitDeps {
  readonly clock: FakeClock;
  readonly durable: Durable;
  readonly connection: ConnectionOptions;
  readonly limits: AdmissionOptions;
  readonly report: Report;
  /** Counts an event for the summary. */
  readonly count: (what: string) => void;
}

/** A running node. */
interface Node {
  readonly gateway: Gateway;
  readonly progress: Progress;
  drainByMs: number | undefined;
}

export class Checker implements LinkObserver {
  readonly history: History;
  readonly #ready: ReadyCheck;
  readonly #userLimit: UserLimitCheck;
  readonly revocations: RevocationCheck;
  readonly #options: CheckerOptions;
  readonly #report: Report;
  /** By connection number, until both sides have ended. */
  readonly #sessions = new Map<number, Session>();
  readonly #detached = new Set<number>();
  /** By process number. */
  readonly #nodes = new Map<number, Node>();
  #readFailedAtMs = -1;
  readonly leftovers: LeftoverCheck;
  readonly signals: SignalCheck;

  constructor(options: CheckerOptions) {
    this.#options = options;
    this.#report = options.report;
    this.leftovers = new LeftoverCheck(options.report);
    this.signals = new SignalCheck(options.report);
    this.history = new History(options.durable, options.report);
    this.#ready = new ReadyCheck({ ...options, history: this.history });
    this.#userLimit = new UserLimitCheck(options);
    this.revocations = new RevocationCheck(options.report);
  }

  /** Connections that the gateway has admitted and not ended. */
  get sessions(): readonly Session[] {
    return [...this.#sessions.values()].filter(({ stage }) => stage !== "gone");
  }

  /** Process `node` has started a gateway, which notifies of messages after `head`. */
  started(node: number, gateway: Gateway, head: number): void {
    this.#nodes.set(node, {
      gateway,
      progress: new Progress(head, this.#report),
      drainByMs: undefined,
    });
  }

  /** The gateway of `node` drains and must have closed every connection by `byMs`. */
  draining(node: number, byMs: number): void {
    const running = this.#nodes.get(node);
    if (running !== undefined) running.drainByMs = byMs;
    for (const session of this.#sessionsAt(node)) {
      if (session.stage === "open") session.drains(byMs);
    }
  }

  stopped(node: number): void {
    this.#nodes.delete(node);
    for (const session of this.#sessionsAt(node)) {
      if (session.stage === "admitted") session.stage = "gone";
    }
  }

  readFailed(): void {
    this.#readFailedAtMs = this.#now;
  }

  /** The log accepted an idempotency key that was used with another body. */
  keyTaken(key: string): void {
    this.#report("a key is for one body", `${key} was taken for another`);
  }

  /** The log answered a health check. */
  health(answer: "well" | "failing", { failing, slowness }: SimulatedDisk): void {
    if (failing === (answer === "failing") || slowness > 1) return;
    this.#report("health is the disk's", `the log says ${answer}`);
  }

  admitted(link: Link, answer: "entry" | "full" | "draining"): void {
    const { node } = link;
    const drains = this.#nodes.get(node)?.drainByMs !== undefined;
    if ((answer === "draining") !== drains || answer === "full") {
      this.#report("admitted within the limits", `the gateway said ${answer}`, link.id);
    }
    if (answer !== "entry") return;
    const { connection: options, limits } = this.#options;
    const counted = this.#sessionsAt(node).filter(({ refused }) => !refused);
    const session = new Session({ link, options, report: this.#report });
    session.refused = counted.length >= limits.maxConnections ||
      counted.filter((other) => other.address === link.address).length >=
        limits.maxConnectionsPerIp ||
      counted.filter(({ delivery }) => delivery === undefined).length >= limits.maxUnidentified;
    this.#sessions.set(link.id, session);
    this.leftovers.changed();
  }

  opened(link: Link): void {
    const session = this.#of(link);
    session.opened(this.#now);
    if (this.#nodes.get(link.node)?.drainByMs !== undefined) {
      session.must(1012, "the gateway drains", this.#now);
    }
    this.leftovers.changed();
  }

  served(link: Link, connection: Connection): void {
    this.#of(link).served = connection;
  }

  serverReceived(link: Link, data: string | Uint8Array | OddFrame): void {
    const session = this.#of(link);
    session.settled(this.#now);
    if (typeof data === "object" && "kind" in data) return session.receivedOdd(data, this.#now);
    session.received(meaningOf(data, this.#options.connection.maxFrameBytes), this.#now);
  }

  /** The verifier decided on the token with this serial. */
  decided(serial: number, verdict: Verdict): void {
    const at = { ms: this.#now, wallMs: this.#options.clock.now() };
    for (const session of this.#sessions.values()) {
      session.verdict(serial, this.#unlessRevoked(session.node, verdict), at);
    }
    this.leftovers.changed();
  }

  serverSent(link: Link, text: string): void {
    const session = this.#of(link);
    const now = this.#now;
    if (text.startsWith('{"op":10,"time":')) return session.sentHeartbeat(+text.slice(16, -1), now);
    if (text.startsWith('{"op":11,"time":')) return session.sentAck(+text.slice(16, -1), now);
    if (text.startsWith('{"op":3,')) return session.sentMessage();
    if (text.startsWith('{"op":4,')) {
      return this.signals.serverSent(session, text, this.#nodes.get(link.node)?.progress);
    }
    const frame = JSON.parse(text);
    if (frame.op === 0) return session.sentHello(frame.heartbeat_interval, now);
    if (frame.op === 2) return this.#sentReady(session, frame);
    this.#report("only frames of the protocol", `it sent ${text}`, link.id);
  }

  serverClosed(link: Link, code: number): void {
    const session = this.#of(link);
    this.#options.count(`closed with ${code}`);
    session.closed(code, this.#now, () => this.#isExcused(session, link, code));
    this.leftovers.changed(session.delivery?.user);
  }

  serverTerminated(link: Link): void {
    this.#of(link).wasTerminated(this.#now);
  }

  serverEnded(link: Link): void {
    const session = this.#sessions.get(link.id);
    if (session === undefined) return;
    session.stage = "gone";
    session.endedAtMs ??= this.#now;
    this.leftovers.changed(session.delivery?.user);
    if (this.#detached.delete(link.id)) this.#sessions.delete(link.id);
  }

  /** The client has dropped the connection. */
  clientDetached(link: Link): void {
    const session = this.#sessions.get(link.id);
    if (session === undefined) return;
    if (session.stage === "gone") this.#sessions.delete(link.id);
    else this.#detached.add(link.id);
  }

  clientReceived(link: Link, id: string, text: string): void {
    const session = this.#of(link);
    const { delivery } = session;
    if (delivery === undefined) {
      return this.#report("nothing before Ready", `${id} arrived before Ready`, link.id);
    }
    delivery.arrived(id, text);
    this.revocations.arrived(session, this.history.at(delivery.last)?.serial ?? 0);
  }

  clientReceivedSignal(link: Link, text: string): void {
    this.signals.clientReceived(this.#of(link), text);
  }

  /** The last message of which process `node` has notified its subscribers. */
  headAt(node: number): number {
    return this.#nodes.get(node)?.progress.head ?? 0;
  }

  /** The client received Ready, and will resume from `lastId`. */
  clientReady(link: Link, lastId: string): void {
    const { delivery } = this.#of(link);
    if (delivery === undefined) return;
    const position = this.#ready.sequenceOf(lastId) ?? -1;
    const missing = delivery.missing?.sequence ?? Infinity;
    if (position < delivery.last || missing <= position) {
      const place = `${delivery.last} arrived last, ${missing} is missing`;
      this.#report("Ready gives the session's position", `${lastId}, while ${place}`, link.id);
    }
  }

  /** `messages` are durable; no node has notified its subscribers yet. */
  committed(messages: readonly Message[]): void {
    for (const message of messages) this.history.notify(message);
  }

  /** The log of `node` notifies its subscribers of `messages`. */
  notify(node: number, messages: readonly Message[]): void {
    const progress = this.#nodes.get(node)?.progress;
    const ready = this.#sessionsAt(node).filter((session) => session.ready);
    for (const message of messages) {
      progress?.advance(message.sequence, this.#now);
      const entry = this.history.at(message.sequence) ?? this.history.notify(message);
      for (const { delivery } of ready) delivery?.notify(entry);
    }
  }

  /** `node` executes a command of the backend. */
  commanded(node: number, command: UserCommand): void {
    if (command.do === "revoke") {
      const at = { sessions: this.#sessionsAt(node), atMs: this.#now };
      this.revocations.executed(node, command, at);
      return this.leftovers.commanded(command.user, this.#now);
    }
    const sessions = this.#sessionsAt(node)
      .filter(({ ready, delivery }) => ready && delivery?.user === command.user);
    for (const session of sessions) {
      const { delivery, resumed } = session;
      if (command.do === "join") delivery?.join(command.channel);
      else if (command.do === "leave") delivery?.leave(command.channel, { replays: resumed });
      else session.must(4010, "the backend disconnects the user", this.#now);
    }
    this.leftovers.commanded(command.user, this.#now);
  }

  /** Runs between two events, after promises have settled. */
  settled(): void {
    if (!this.leftovers.isDue(this.#now)) return;
    const nodes = [...this.#nodes];
    this.leftovers.look(nodes.map(([node, { gateway }]) => {
      return { gateway, sessions: this.#sessionsAt(node) };
    }));
  }

  /** Reports events that are overdue. */
  sweep(): void {
    this.history.wallClockShows(this.#options.clock.now());
    for (const session of this.sessions) {
      session.settled(this.#now);
      this.#checkBacklog(session);
    }
  }

  /** The world has healed: no message may be missing. */
  healed(): void {
    for (const { ready, delivery, connection } of this.sessions) {
      const missing = ready ? delivery?.missing : undefined;
      if (missing === undefined) continue;
      const explanation = `message ${missing.sequence} did not arrive though all was well`;
      this.#report("every accepted message arrives", explanation, connection);
    }
  }

  #unlessRevoked(node: number, verdict: Verdict): Verdict {
    if (verdict === "unreachable" || !verdict.ok) return verdict;
    if (!this.revocations.isKnown(node, verdict)) return verdict;
    return { ok: false, refusal: "revoked", reason: "the token was revoked" };
  }

  get #now(): number {
    return this.#options.clock.steady();
  }

  /**
   * Reports a client that does not read and is not closed. A replay is exempt: it is read from the
   * log at the client's pace.
   */
  #checkBacklog({ ready, resumed, delivery, connection }: Session): void {
    const waitingBytes = ready && !resumed ? delivery?.liveBytes ?? 0 : 0;
    const { maxBufferedBytes } = this.#options.connection;
    if (waitingBytes > 1.25 * maxBufferedBytes + WINDOW_BYTES) {
      const explanation = `${waitingBytes} bytes wait, ${maxBufferedBytes} are allowed`;
      this.#report("slow readers are closed", explanation, connection);
    }
  }

  #of(link: Link): Session {
    const session = this.#sessions.get(link.id);
    return session ??
      this.#report("no connection after its end", "a connection is used that is gone", link.id);
  }

  #sessionsAt(node: number): readonly Session[] {
    return this.sessions.filter((session) => session.node === node);
  }

  #sentReady(session: Session, frame: Ready): void {
    const { token, lastId } = session.sentReady(frame.user, this.#now);
    const { connection } = session;
    if ((frame.resumed === undefined) !== (lastId === undefined)) {
      const explanation = `last_id was ${lastId}, resumed is ${frame.resumed}`;
      this.#report("resumed answers last_id", explanation, connection);
    }
    this.leftovers.changed(frame.user);
    if (session.delivery !== undefined) return;
    const { progress } = this.#nodes.get(session.node) ??
      this.#report("no connection after its end", "a process sends that is no more", connection);
    session.resumed = frame.resumed === true;
    if (lastId !== undefined) this.#options.count(session.resumed ? "resumed" : "not resumed");
    const after = this.#ready.startAfter(frame, { connection, lastId, progress });
    session.delivery = new Delivery({
      connection,
      history: this.history,
      progress,
      report: this.#report,
      epoch: this.#options.durable.epoch,
      user: token.user,
      channels: token.channels,
      after,
      atMs: this.#now,
    });
    this.#userLimit.ready(session, token.user);
  }

  /** True if something that the wire does not show justifies the close. */
  #isExcused(session: Session, link: Link, code: number): boolean {
    const { delivery, resumed } = session;
    if (code === 4009) {
      const { maxBufferedBytes } = this.#options.connection;
      // A replay is paced: it exceeds the limit by at most a page.
      const pageBytes = resumed ? WINDOW_BYTES + maxBufferedBytes / 4 : 0;
      // Signals fill at most a quarter before they are dropped.
      const signalBytes = session.wantsSignals ? maxBufferedBytes / 4 : 0;
      const liveBytes = (delivery?.liveBytes ?? 0) + pageBytes + signalBytes + 4096;
      return link.backedUpBytes > 0 && liveBytes > maxBufferedBytes;
    }
    if (code === 4003) return this.revocations.excuses(session);
    if (code === 4011) return this.#userLimit.isReplaced(session);
    if (code !== 1011) return false;
    const asking = session.identify?.lastId !== undefined || resumed;
    if (asking && this.#readFailedAtMs === this.#now) return true;
    // If retention overtakes a replay, the client can only reconnect.
    return resumed && delivery !== undefined && !this.#ready.isSurelyStored(delivery.last);
  }
}
