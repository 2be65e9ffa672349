/**
 * Numbers of a benchmark: quantiles, and how they are printed.
 *
 * @module
 */

/** The value below which the share `quantile` of `values` lies; NaN of none. */
export function quantile(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? NaN;
}

/** `value` with `digits` decimals and groups of thousands. */
export function print(value: number, digits = 0): string {
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** The number after `--name` on the command line, or `fallback`. */
export function numberArgument(name: string, fallback: number): number {
  const index = Deno.args.indexOf(`--${name}`);
  if (index === -1) return fallback;
  const value = Number(Deno.args[index + 1]);
  if (!(value > 0)) throw new TypeError(`--${name} needs a positive number`);
  return value;
}
