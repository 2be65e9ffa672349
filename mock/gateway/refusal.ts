/**
 * Problems (RFC 9457) of the test server, which the gateway itself never answers with.
 *
 * @module
 */

import { json } from "../../gateway/http/answer.ts";

export interface Refusal {
  readonly status: number;
  /** For programs. */
  readonly code: string;
  readonly title: string;
  /** For people. */
  readonly detail: string;
}

export function refusal({ status, code, title, detail }: Refusal): Response {
  return json(status, { title, status, code, detail }, {
    "content-type": "application/problem+json",
  });
}
