/**
 * Statistics, formatting, and numeric options of benchmarks.
 *
 * @module
 */

import { parseArgs } from "node:util";

/** NaN without values. */
export function quantile(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? NaN;
}

/** Formats `value` with `digits` decimals and thousands separators. */
export function print(value: number, digits = 0): string {
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Pads cells to the width of their column: the first to the left, the others to the right. */
export function padColumns(
  rows: readonly (readonly string[])[],
  minWidth = 0,
): readonly (readonly string[])[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from(
    { length: columns },
    (_, column) => Math.max(minWidth, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    })
  );
}

/** Prints rows as columns. */
export function printTable(rows: readonly (readonly string[])[]): void {
  for (const cells of padColumns(rows)) console.log(cells.join("  ").trimEnd());
}

/** Reads positive numbers from the command line as `--name=value`. */
export function numberOptions<Name extends string>(
  defaults: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const options = Object.fromEntries(
    Object.keys(defaults).map((name) => [name, { type: "string" as const }]),
  );
  const { values } = parseArgs({ args: Deno.args, options });
  const found: Record<Name, number> = { ...defaults };
  for (const name in defaults) {
    const text = values[name];
    if (text === undefined) continue;
    const value = Number(text);
    if (!(value > 0)) throw new TypeError(`--${name} needs a positive number`);
    found[name] = value;
  }
  return found;
}
