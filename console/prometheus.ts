/**
 * Reads what the gateway's `/metrics` says: the text format 0.0.4 of Prometheus.
 *
 * @module
 */

/** One number, with the labels that tell it apart from others of its name. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples by their name. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const SPECIAL: ReadonlyMap<string, number> = new Map([["+Inf", Infinity], ["-Inf", -Infinity]]);

/** Reads the text; lines that are no samples are passed over. */
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
