/**
 * Sends one event to the backend's URL, signed after Standard Webhooks. It decides neither what is sent nor when.
 *
 * Its log lines have the origin of the URL alone: receivers put secrets in the query and in the path.
 *
 * @module
 */

import { Webhook } from "standardwebhooks";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock, Logger } from "../ports.ts";
import { redactUrls } from "../redact_url.ts";
import { toError } from "../util.ts";
import type { WebhookEvent } from "./event.ts";

/** Time for the receiver to answer one attempt. */
export const ATTEMPT_TIMEOUT_MS = 10_000;
/** Least time between two log lines about failures. */
const QUIET_MS = 60_000;

/** The part of the global `fetch` that is used. */
export type Post = (url: string, init: {
  readonly method: "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly redirect: "manual";
  readonly signal: AbortSignal;
}) => Promise<Response>;

export interface SenderDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The global `fetch` in production. */
  readonly post: Post;
}

export interface SenderOptions {
  readonly url: URL;
  /** `whsec_` and the key in Base64. */
  readonly secret: string;
}

export class WebhookSender {
  readonly #deps: SenderDeps;
  readonly #url: URL;
  readonly #signer: Webhook;
  readonly #stopping = new AbortController();
  /** Steady time of the last line about a failure that no success has followed. */
  #loggedAtMs: number | undefined;

  constructor({ url, secret }: SenderOptions, deps: SenderDeps) {
    this.#deps = deps;
    this.#url = url;
    this.#signer = new Webhook(secret);
  }

  /** Makes one attempt. Resolves with `true` for a status of 200 to 299; never rejects. */
  async send(event: WebhookEvent): Promise<boolean> {
    const { metrics } = this.#deps;
    try {
      await this.#attempt(event);
      metrics.webhookSent();
      this.#succeeded();
      return true;
    } catch (error) {
      if (this.#stopping.signal.aborted) return false;
      metrics.webhookFailed();
      this.#failed(error);
      return false;
    }
  }

  /** Ends the attempts in progress. */
  stop(): void {
    this.#stopping.abort();
  }

  async #attempt({ id, body }: WebhookEvent): Promise<void> {
    const { clock, post } = this.#deps;
    const aborter = new AbortController();
    const stop = () => aborter.abort();
    this.#stopping.signal.addEventListener("abort", stop);
    const timer = clock.setTimer(ATTEMPT_TIMEOUT_MS, () => {
      aborter.abort(new Error(`no answer within ${ATTEMPT_TIMEOUT_MS} ms`));
    });
    const atMs = clock.now();
    try {
      const response = await post(this.#url.href, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "webhook-id": id,
          "webhook-timestamp": String(Math.floor(atMs / 1000)),
          "webhook-signature": this.#signer.sign(id, new Date(atMs), body),
        },
        body,
        // A redirect could lead the names of users to somebody else.
        redirect: "manual",
        signal: aborter.signal,
      });
      const { status } = response;
      // Its end is not awaited: the status has said everything.
      response.body?.cancel().catch(() => {});
      if (status < 200 || status > 299) throw new Error(`the receiver answered with ${status}`);
    } finally {
      timer.cancel();
      this.#stopping.signal.removeEventListener("abort", stop);
    }
  }

  #succeeded(): void {
    if (this.#loggedAtMs === undefined) return;
    this.#loggedAtMs = undefined;
    this.#deps.logger.info("webhooks are taken again", { origin: this.#url.origin });
  }

  #failed(caught: unknown): void {
    const { clock, logger } = this.#deps;
    const atMs = clock.steady();
    if (this.#loggedAtMs !== undefined && atMs - this.#loggedAtMs < QUIET_MS) return;
    this.#loggedAtMs = atMs;
    const { href, origin } = this.#url;
    const reason = redactUrls(messageOf(caught).replaceAll(href, origin));
    logger.warn("a webhook was not taken; retrying", { origin, reason });
  }
}

/** The message of an error and of its causes: `fetch` says why it failed in a cause. */
function messageOf(caught: unknown): string {
  const { message, cause } = toError(caught);
  return cause === undefined ? message : `${message}: ${messageOf(cause)}`;
}
