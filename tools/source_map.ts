/**
 * Edits source maps (ECMA-426): removes lines from the generated code, and files from the sources.
 *
 * @module
 */

/** A source map, of those fields that esbuild writes. */
export interface SourceMap {
  readonly version: 3;
  readonly sources: readonly string[];
  readonly sourcesContent: readonly (string | null)[];
  readonly mappings: string;
  readonly names: readonly string[];
}

export interface SourceMapEdit {
  /** The new column of a place in the generated code, both from 0; `undefined` removes the line. */
  readonly move: (line: number, column: number) => number | undefined;
  /** The new name of a source; `undefined` removes it. */
  readonly rename: (source: string) => string | undefined;
}

/** The fields of a segment: generated column, and if it has a source: source, line, column, and name. */
type Segment = readonly number[];

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export function editSourceMap(map: SourceMap, { move, rename }: SourceMapEdit): SourceMap {
  const renamed = map.sources.map(rename);
  const kept = map.sources.map((_, index) => index).filter((index) => renamed[index] !== undefined);
  const place = new Map(kept.map((index, at) => [index, at]));
  let mapped = false;
  const lines = decode(map.mappings).flatMap((segments, line) => {
    if (move(line, 0) === undefined) return [];
    return [segments.flatMap(([column = 0, source = -1, ...rest]) => {
      const at = place.get(source);
      // A segment without a source ends the one before; the first of several is enough.
      const isNews = mapped || at !== undefined;
      mapped = at !== undefined;
      if (!isNews) return [];
      const moved = move(line, column) ?? 0;
      return [at === undefined ? [moved] : [moved, at, ...rest]];
    })];
  });
  return {
    version: 3,
    sources: kept.map((index) => renamed[index] ?? ""),
    sourcesContent: kept.map((index) => map.sourcesContent[index] ?? null),
    names: map.names,
    mappings: encode(lines),
  };
}

/** The segments of each line, with absolute values. */
function decode(mappings: string): readonly (readonly Segment[])[] {
  const last = [0, 0, 0, 0, 0];
  return mappings.split(";").map((line) => {
    last[0] = 0;
    return line.split(",").filter((text) => text !== "").map((text) =>
      numbers(text).map((delta, field) => last[field] = (last[field] ?? 0) + delta)
    );
  });
}

function encode(lines: readonly (readonly Segment[])[]): string {
  const last = [0, 0, 0, 0, 0];
  return lines.map((segments) => {
    last[0] = 0;
    return segments.map((segment) =>
      segment.map((value, field) => {
        const delta = value - (last[field] ?? 0);
        last[field] = value;
        return vlq(delta);
      }).join("")
    ).join(",");
  }).join(";");
}

/** Decodes base64 VLQ: five bits a digit, lowest first; the lowest bit of all is the sign. */
function numbers(text: string): readonly number[] {
  const found: number[] = [];
  let value = 0;
  let shift = 0;
  for (const digit of text) {
    const bits = DIGITS.indexOf(digit);
    value |= (bits & 31) << shift;
    shift += 5;
    if ((bits & 32) !== 0) continue;
    found.push((value & 1) === 1 ? -(value >> 1) : value >> 1);
    value = shift = 0;
  }
  return found;
}

function vlq(number: number): string {
  let rest = number < 0 ? (-number << 1) | 1 : number << 1;
  let text = "";
  do {
    const bits = rest & 31;
    rest >>>= 5;
    text += DIGITS[rest > 0 ? bits | 32 : bits];
  } while (rest > 0);
  return text;
}
