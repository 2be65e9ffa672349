/**
 * JSON as a type. In a file of its own, because the types of the bundled client include the whole of each
 * file that they name.
 *
 * @module
 */

/** Any JSON value. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };
