/**
 * Type checks without `instanceof`, which fails across realms: under jsdom, in a frame or in a VM context, an
 * `AbortSignal` is no instance of the global class.
 *
 * @module
 */

/** The part of the standard `EventTarget` that the client uses. */
export interface Listenable {
  addEventListener(type: string, listener: (event: { readonly type: string }) => void): void;
  removeEventListener(type: string, listener: (event: { readonly type: string }) => void): void;
}

export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Returns the property `name`; `undefined` if `value` is no object. */
export function fieldOf(value: unknown, name: string): unknown {
  return isObject(value) ? Reflect.get(value, name) : undefined;
}

export function isListenable(value: unknown): value is Listenable {
  return ["addEventListener", "removeEventListener"].every((name) =>
    typeof fieldOf(value, name) === "function"
  );
}

/** Returns `thrown` if it is an error, else an error with it as its `cause`. */
export function toError(thrown: unknown): Error {
  if (isError(thrown)) return thrown;
  // Converting an object to text may throw.
  const text = isObject(thrown) ? Object.prototype.toString.call(thrown) : String(thrown);
  return new Error(text, { cause: thrown });
}

function isError(value: unknown): value is Error {
  return ["name", "message"].every((name) => typeof fieldOf(value, name) === "string");
}
