/**
 * Validates drafts: those of `POST /messages` and `POST /signals`, and those that the mock gateway is given.
 *
 * @module
 */

import type { Draft } from "../ports.ts";
import { type InputFault, type Parsed, parseInput } from "./input.ts";
import { DraftSchema, DraftsSchema, MAX_BATCH } from "./schemas.ts";

/** One draft, or an array. */
export function parseDrafts(value: unknown): Parsed<readonly Draft[]> {
  if (!Array.isArray(value)) {
    const draft = parseInput(DraftSchema, value);
    return draft.ok ? { ok: true, value: [draft.value] } : draft;
  }
  // Counted first: a million wrong elements would make a million issues.
  if (value.length > MAX_BATCH) {
    const detail = `is an array of ${value.length}, expected at most ${MAX_BATCH}`;
    return { ok: false, faults: [{ path: [], detail }] };
  }
  return parseInput(DraftsSchema, value);
}

/** The first draft whose JSON is too long. */
export function findTooLong(
  drafts: readonly Draft[],
  { maxMessageBytes, isBatch }: { readonly maxMessageBytes: number; readonly isBatch: boolean },
): InputFault | undefined {
  const encoder = new TextEncoder();
  const index = drafts.findIndex((draft) =>
    encoder.encode(JSON.stringify(draft)).byteLength > maxMessageBytes
  );
  if (index < 0) return undefined;
  const detail = `is longer than ${maxMessageBytes} bytes of JSON`;
  return { path: isBatch ? [index] : [], detail };
}
