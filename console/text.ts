/**
 * Formats times, numbers and names. Pure; the caller passes the time.
 *
 * @module
 */

/** A duration: `320 ms`, `2.3 s`, `59:58`. */
export function formatDuration(ms: number): string {
  const left = Math.max(0, ms);
  if (left < 10) return `${left.toFixed(1)} ms`;
  if (left < 1000) return `${Math.round(left)} ms`;
  if (left < 99_950) return `${(left / 1000).toFixed(1)} s`;
  return formatClock(left);
}

/** A round number on an axis: `0.5 ms`, `250 ms`, `1.5 s`. */
export function formatTick(ms: number): string {
  return ms < 1000 ? `${Number(ms.toFixed(2))} ms` : `${Number((ms / 1000).toFixed(2))} s`;
}

/** The rest of a wait, in readable steps: `2.3 s`, `59:58`. */
export function formatCountdown(ms: number): string {
  const left = Math.max(0, ms);
  return left < 99_950 ? `${(left / 1000).toFixed(1)} s` : formatClock(left);
}

/** A duration in a sentence, with a non-breaking space: `3 s`, `45 s`, `1.5 s`. */
export function formatSpan(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))}\u00a0s`;
}

function formatClock(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const tail = `${two(minutes)}:${two(seconds % 60)}`;
  return hours === 0 ? tail : `${hours}:${tail}`;
}

/** The local time of day, to the millisecond. */
export function formatTime(at: number): string {
  const date = new Date(at);
  const millis = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${millis}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** A count with its noun: `1 message`, `3 messages`. */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** Names separated by commas, each once. */
export function parseNames(text: string): readonly string[] {
  return [...new Set(text.split(",").map((name) => name.trim()).filter((name) => name !== ""))];
}

/** Invisible characters that change others: control characters, those of direction, lone surrogates. */
const UNSEEN = /(?![\t\n\r])\p{Cc}|\p{Bidi_Control}|\p{Cs}/gu;

/** Escapes invisible characters, such as `\u202E`. */
export function visible(text: string): string {
  return text.replace(
    UNSEEN,
    (character) => `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`,
  );
}

/** The first `length` characters, or one fewer rather than half of a surrogate pair. */
export function truncate(text: string, length: number): string {
  return text.slice(0, /[\uD800-\uDBFF]/.test(text.charAt(length - 1)) ? length - 1 : length);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
