/**
 * Bounds of close frames (RFC 6455).
 *
 * @module
 */

/** The longest reason, in bytes of UTF-8. */
export const MAX_REASON_BYTES = 123;

/** True for codes that a close frame may carry (section 7.4). */
export function isCloseCode(code: number): boolean {
  return (code >= 3000 && code <= 4999) ||
    (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code));
}

export function isCloseReason(reason: string): boolean {
  return new TextEncoder().encode(reason).byteLength <= MAX_REASON_BYTES;
}
