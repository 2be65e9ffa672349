/**
 * Successful answers: JSON with the headers that go with it. Problems are in `problem.ts`.
 *
 * @module
 */

/** What is for this caller only: kept by no cache. */
export const PRIVATE: Readonly<Record<string, string>> = {
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/** What anybody may read: documents and public keys. */
export const PUBLIC: Readonly<Record<string, string>> = {
  "content-type": "application/json",
  "x-content-type-options": "nosniff",
};

/** A JSON response. */
export function json(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = PRIVATE,
): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

/** The response that says that it is done and nothing more. */
export function noContent(): Response {
  return new Response(null, { status: 204, headers: { "cache-control": "no-store" } });
}
