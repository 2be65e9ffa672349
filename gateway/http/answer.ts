/**
 * Successful responses: JSON with its headers. `problem.ts` makes the others.
 *
 * @module
 */

/** Headers of a response for this caller only: no cache stores it. */
export const PRIVATE: Readonly<Record<string, string>> = {
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/** Headers of documents and public keys. */
export const PUBLIC: Readonly<Record<string, string>> = {
  "content-type": "application/json",
  "x-content-type-options": "nosniff",
};

export function json(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = PRIVATE,
): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

/** The response to a request whose effect comes later. */
export function accepted(): Response {
  // Otherwise a transport may send an empty body in chunks.
  const headers = { "cache-control": "no-store", "content-length": "0" };
  return new Response(null, { status: 202, headers });
}

export function noContent(): Response {
  return new Response(null, { status: 204, headers: { "cache-control": "no-store" } });
}
