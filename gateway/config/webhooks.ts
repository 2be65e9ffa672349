/**
 * The options for webhooks, which belong to the table in `options.ts`, and how they depend on each other.
 *
 * @module
 */

import { configError, type GivenOptions } from "./given.ts";
import type { OptionTable, ValuesOf } from "./option_types.ts";

/** The key of a secret, in bytes, as Standard Webhooks asks for. */
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;
const MAX_DEBOUNCE_MS = 600_000;

export const WEBHOOK_OPTIONS = {
  webhookUrl: {
    type: "url",
    doc: "URL of the app's backend that is told when users come and go (docs/http.md, " +
      '"Webhooks"). Plain http is accepted; the events are signed, not encrypted.',
  },
  webhookSecret: {
    type: "secret",
    doc: "Secret that signs webhooks: `whsec_` and the Base64 of 24 to 64 random bytes. Required " +
      "with `GATEWAY_WEBHOOK_URL`.",
  },
  webhookDebounceMs: {
    type: "integer",
    unit: "ms",
    min: 0,
    max: MAX_DEBOUNCE_MS,
    default: 1000,
    doc: "Time for which a user must be online or offline before the backend is told. Longer " +
      "than a client takes to reconnect, so that a lost connection causes no webhook.",
  },
} as const satisfies OptionTable;

type WebhookValues = ValuesOf<typeof WEBHOOK_OPTIONS>;
type Given = GivenOptions<keyof typeof WEBHOOK_OPTIONS>;

export interface WebhookConfig {
  readonly url: URL;
  readonly secret: string;
  readonly debounceMs: number;
}

/** `undefined` if there are no webhooks. */
export function resolveWebhooks(
  { webhookUrl: url, webhookSecret: secret, webhookDebounceMs: debounceMs }: WebhookValues,
  given: Given,
): WebhookConfig | undefined {
  const urlName = given.nameOf("webhookUrl");
  const secretName = given.nameOf("webhookSecret");
  if (url === undefined) {
    const unused = given.first("webhookSecret", "webhookDebounceMs");
    if (unused === undefined) return undefined;
    throw configError(unused.name, `has no effect without ${urlName}`);
  }
  if (secret === undefined) throw configError(secretName, `is not set, but ${urlName} is`);
  if (!isSecret(secret)) {
    throw configError(
      secretName,
      `is not a secret of Standard Webhooks, expected whsec_ and the Base64 of ${MIN_KEY_BYTES} ` +
        `to ${MAX_KEY_BYTES} bytes`,
    );
  }
  return { url: new URL(url), secret, debounceMs };
}

function isSecret(text: string): boolean {
  const [, key = "", padding = ""] = /^whsec_([A-Za-z0-9+/]*)(={0,2})$/.exec(text) ?? [];
  const bytes = Math.floor(key.length * 3 / 4);
  return (key.length + padding.length) % 4 === 0 && bytes >= MIN_KEY_BYTES &&
    bytes <= MAX_KEY_BYTES;
}
