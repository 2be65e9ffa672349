/**
 * How often a deliberate bug shows.
 *
 * @module
 */

/** True once in `count` calls. */
export function onceIn(count: number): () => boolean {
  let calls = 0;
  return () => ++calls % count === 0;
}
