/**
 * Tells values apart by what they can do. `instanceof` fails across realms: under jsdom, in a frame or in a VM
 * context, an `AbortSignal` is no instance of the class that is global here.
 *
 * @module
 */

/** Something that events can be heard from. */
export interface Listenable {
  /** As in the standard `EventTarget`. */
  addEventListener(type: string, listener: (event: { readonly type: string }) => void): void;
  /** As in the standard `EventTarget`. */
  removeEventListener(type: string, listener: (event: { readonly type: string }) => void): void;
}

/** Whether it has fields. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** What `value` has under `name`; `undefined` if it has no fields at all. */
export function fieldOf(value: unknown, name: string): unknown {
  return isObject(value) ? Reflect.get(value, name) : undefined;
}

/** Whether events can be heard from it. */
export function isListenable(value: unknown): value is Listenable {
  return ["addEventListener", "removeEventListener"].every((name) =>
    typeof fieldOf(value, name) === "function"
  );
}

/** What was thrown, as an error: itself if it is one, else one that has it as its `cause`. */
export function toError(thrown: unknown): Error {
  if (isError(thrown)) return thrown;
  // Not every object can be made text.
  const text = isObject(thrown) ? Object.prototype.toString.call(thrown) : String(thrown);
  return new Error(text, { cause: thrown });
}

function isError(value: unknown): value is Error {
  return typeof fieldOf(value, "name") === "string" &&
    typeof fieldOf(value, "message") === "string";
}
