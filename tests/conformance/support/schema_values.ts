/**
 * Values for a JSON Schema, as arbitraries of fast-check: valid ones, and nearly valid ones.
 *
 * @module
 */

import fc from "fast-check";
import type { OpenApi, Schema } from "./openapi.ts";

/** Keywords that generation supports, and those that do not restrict values. */
const KNOWN: ReadonlySet<string> = new Set([
  ...["$ref", "type", "anyOf", "const", "properties", "required", "additionalProperties", "items"],
  ...["minItems", "maxItems", "minLength", "maxLength", "pattern", "minimum", "maximum"],
  // Excluded values are filtered out.
  "not",
  ...["description", "example", "default"],
]);

/** The usual limit for elements of an array and characters of a string. */
const USUAL = 8;

const ODD_STRINGS = [
  ...["", " ", "a b", "a\nb", "\0", "\x7f", "\x85", "clé", "..", "-1", "null", "__proto__"],
  ...["x".repeat(256), "é".repeat(256), "\u{1f600}".repeat(256)],
];
const ODD_NUMBERS = [-1, 0, 1.5, 1001, 31_536_001, 2 ** 53, 1e300];
const ODD_KEYS = ["chanel", "__proto__", "constructor", "toString", "0", ""];

export function validValues(openApi: OpenApi, schema: Schema): fc.Arbitrary<unknown> {
  return roughly(openApi, schema).filter((value) => openApi.isValid(schema, value));
}

/** Invalid values, most of them for one small reason. */
export function invalidValues(openApi: OpenApi, schema: Schema): fc.Arbitrary<unknown> {
  const nearly = roughly(openApi, schema).chain(spoilt);
  return fc.oneof(
    { weight: 4, arbitrary: nearly },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  ).filter((value) => !openApi.isValid(schema, value));
}

/** Values of the right type, which a pattern or `not` may exclude. */
function roughly(openApi: OpenApi, given: Schema): fc.Arbitrary<unknown> {
  const schema = openApi.resolve(given);
  for (const keyword of Object.keys(schema)) {
    if (!KNOWN.has(keyword)) throw new Error(`no values are made by the keyword ${keyword}`);
  }
  if (schema.anyOf !== undefined) {
    return fc.oneof(...schema.anyOf.map((each) => roughly(openApi, each)));
  }
  if ("const" in schema) return fc.constant(schema.const);
  switch (schema.type) {
    case "string":
      return strings(schema);
    case "integer":
      return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 2 ** 31 - 1 });
    case "array": {
      const { items = {}, minItems: minLength = 0, maxItems = USUAL } = schema;
      const maxLength = Math.max(minLength, Math.min(maxItems, USUAL));
      return fc.array(roughly(openApi, items), { minLength, maxLength });
    }
    case "object": {
      const { properties = {}, required = [] } = schema;
      const values = Object.entries(properties)
        .map(([name, each]) => [name, roughly(openApi, each)] as const);
      return fc.record(Object.fromEntries(values), {
        requiredKeys: [...required],
        noNullPrototype: true,
      });
    }
  }
  if (Array.isArray(schema.type)) return fc.jsonValue({ maxDepth: 4 });
  throw new Error(`no values are made for ${JSON.stringify(schema)}`);
}

function strings({ minLength = 0, maxLength = 255, pattern }: Schema): fc.Arbitrary<string> {
  const of = (limits: fc.StringConstraints): fc.Arbitrary<string> =>
    fc.oneof(
      fc.string({ ...limits, unit: "grapheme-ascii" }),
      fc.string({ ...limits, unit: "binary" }),
    );
  const usual = of({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, USUAL)) });
  const long = of({ minLength: maxLength, maxLength });
  const all = fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: long });
  return pattern === undefined ? all : all.filter((text) => new RegExp(pattern, "u").test(text));
}

/** `value` with one change. */
function spoilt(value: unknown): fc.Arbitrary<unknown> {
  const junk = fc.oneof(
    fc.constantFrom<unknown>(null, true, [], {}, "", 7),
    fc.jsonValue({ maxDepth: 1 }),
  );
  if (typeof value === "string") return fc.oneof(fc.constantFrom<unknown>(...ODD_STRINGS), junk);
  if (typeof value === "number") return fc.oneof(fc.constantFrom<unknown>(...ODD_NUMBERS), junk);
  if (Array.isArray(value)) return fc.oneof(junk, spoiltElement(value));
  if (typeof value !== "object" || value === null) return junk;
  const entries = Object.entries(value);
  const more = fc.tuple(fc.constantFrom(...ODD_KEYS), junk)
    .map(([key, each]) => Object.fromEntries([...entries, [key, each]]));
  if (entries.length === 0) return more;
  const index = fc.nat({ max: entries.length - 1 });
  const less = index.map((at) => Object.fromEntries(entries.filter((_, each) => each !== at)));
  const other = index.chain((at) =>
    spoilt(entries[at]?.[1]).map((each) => ({ ...value, [entries[at]?.[0] ?? ""]: each }))
  );
  return fc.oneof(more, less, other);
}

function spoiltElement(value: readonly unknown[]): fc.Arbitrary<unknown> {
  if (value.length === 0) return fc.constant([null]);
  return fc.nat({ max: value.length - 1 })
    .chain((at) => spoilt(value[at]).map((each) => value.with(at, each)));
}
