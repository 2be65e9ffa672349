/**
 * Parses the text format 0.0.4 of Prometheus.
 *
 * @module
 */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples by name. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const SPECIAL: ReadonlyMap<string, number> = new Map([["+Inf", Infinity], ["-Inf", -Infinity]]);

/** Ignores lines that are no samples. */
export function parsePrometheus(text: string): Samples {
  const samples = new Map<string, Sample[]>();
  for (const line of text.split("\n")) {
    const [, name, labels = "", value] = LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const list = samples.get(name) ?? [];
    list.push({ labels: labelsOf(labels), value: SPECIAL.get(value) ?? Number(value) });
    samples.set(name, list);
  }
  return samples;
}

function labelsOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(LABEL)].map(([, name = "", value = ""]) => [
      name,
      value.replace(/\\(.)/g, (_, character: string) => character === "n" ? "\n" : character),
    ]),
  );
}
