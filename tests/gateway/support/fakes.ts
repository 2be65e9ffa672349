/**
 * A token verifier and a message log whose behaviour a test decides, call by call. They contain no rule of
 * the gateway.
 *
 * @module
 */

import type {
  Draft,
  IdempotencyKey,
  LogPage,
  LogQuery,
  Message,
  MessageLog,
  Position,
  Published,
  Revocations,
  TokenVerdict,
  TokenVerifier,
} from "../../../gateway/ports.ts";

export type Deferred<T> = ReturnType<typeof Promise.withResolvers<T>>;

/** Answers each token with what the test gave when it made the token. */
export class FakeVerifier implements TokenVerifier {
  readonly #answers = new Map<string, () => Promise<TokenVerdict>>();

  /** A new token with this answer. */
  token(answer: TokenVerdict | (() => Promise<TokenVerdict>)): string {
    const token = `token-${this.#answers.size}`;
    this.#answers.set(
      token,
      typeof answer === "function" ? answer : () => Promise.resolve(answer),
    );
    return token;
  }

  /** A new token that the test answers later. */
  held(): { readonly token: string } & Deferred<TokenVerdict> {
    const deferred = Promise.withResolvers<TokenVerdict>();
    return { token: this.token(() => deferred.promise), ...deferred };
  }

  verify(token: string): Promise<TokenVerdict> {
    const answer = this.#answers.get(token);
    return answer?.() ??
      Promise.resolve({ ok: false, refusal: "invalid", reason: "unknown token" });
  }
}

/** A log whose reads a test can delay or fail. */
export class FaultyLog implements MessageLog {
  readonly queries: LogQuery[] = [];
  /** While set, reads fail with it. */
  failure: Error | undefined;
  /** While true, answers wait for {@linkcode release}. They are computed at the time of the read. */
  holding = false;
  readonly #inner: MessageLog;
  readonly #held: (() => void)[] = [];

  /** Delegates to `inner`. */
  constructor(inner: MessageLog) {
    this.#inner = inner;
  }

  /** The number of answers that wait. */
  get held(): number {
    return this.#held.length;
  }

  /** Releases the oldest answers: this many, or all. */
  release(count = Infinity): void {
    for (const go of this.#held.splice(0, count)) go();
  }

  publish(drafts: readonly Draft[]): Promise<readonly Message[]> {
    return this.#inner.publish(drafts);
  }

  publishOnce(key: IdempotencyKey, drafts: readonly Draft[]): Promise<Published> {
    return this.#inner.publishOnce(key, drafts);
  }

  subscribe(listener: (messages: readonly Message[]) => void): () => void {
    return this.#inner.subscribe(listener);
  }

  async read(query: LogQuery): Promise<LogPage | "expired"> {
    this.queries.push(query);
    if (this.failure !== undefined) throw this.failure;
    const answer = this.#inner.read(query);
    if (this.holding) await new Promise<void>((resolve) => this.#held.push(resolve));
    return answer;
  }

  position(): Promise<Position> {
    return this.#inner.position();
  }

  get revocations(): Revocations {
    return this.#inner.revocations;
  }

  head(): Position {
    return this.#inner.head();
  }

  check(): Promise<void> {
    return this.#inner.check();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
