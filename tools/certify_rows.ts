/**
 * The scorecards in docs/certify.json, as tables for docs/certify.md.
 *
 * @module
 */

import { FAULTS } from "../tests/certify/faults.ts";

/** The ids of the checks that a client did not pass. */
export interface Row {
  readonly client: string;
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

export interface CertifyTable {
  /** The number of checks. */
  readonly checks: number;
  readonly examples: readonly Row[];
  readonly faults: readonly Row[];
}

export function readCertifyTable(): CertifyTable {
  return JSON.parse(Deno.readTextFileSync(new URL("../docs/certify.json", import.meta.url)));
}

const list = (ids: readonly string[]): string => ids.map((id) => `\`${id}\``).join(", ");

/** The cells of the certified examples. */
export function exampleRows({ checks, examples }: CertifyTable): readonly (readonly string[])[] {
  return examples.map(({ client, passed, failed }) => [
    `[\`${client}\`](../examples/${client})`,
    `${passed} of ${checks}`,
    list(failed),
  ]);
}

/** The cells of the wrong clients, with the check that is meant for each. */
export function faultRows({ checks, faults }: CertifyTable): readonly (readonly string[])[] {
  return faults.map(({ client, passed, failed, skipped }) => [
    client,
    list([FAULTS[client] ?? ""]),
    list(failed),
    list(skipped),
    `${passed} of ${checks}`,
  ]);
}
