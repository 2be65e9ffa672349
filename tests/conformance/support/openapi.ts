/**
 * An OpenAPI document for tests: its operations with their parameters and bodies, and a check of answers.
 *
 * It supports the parts of OpenAPI and JSON Schema that the gateway's document uses, and throws for others.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Answer } from "./backend.ts";

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface Parameter {
  readonly in: "path" | "query" | "header";
  readonly name: string;
  readonly required?: boolean;
  readonly schema: Schema;
  readonly explode?: boolean;
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

/** One method of one path. */
export interface Operation {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content & { readonly description: string }>>;
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export interface Place {
  readonly path: string;
  /** In upper case. */
  readonly method: string;
  readonly operation: Operation;
}

export class OpenApi {
  readonly #document: Description;
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false });
  readonly #validators = new Map<Schema, (value: unknown) => boolean>();

  /** @param document the answer of `/openapi.json` */
  constructor(document: unknown) {
    this.#document = document as Description;
  }

  get places(): readonly Place[] {
    return Object.entries(this.#document.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .map(([method, operation]) => ({ path, method: method.toUpperCase(), operation }))
    );
  }

  /** `schema` itself, or the schema that it refers to. */
  resolve(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    const name = schema.$ref.replace("#/components/schemas/", "");
    const target = this.#document.components.schemas[name];
    assert.ok(target, schema.$ref);
    return target;
  }

  isValid(schema: Schema, value: unknown): boolean {
    let validate = this.#validators.get(schema);
    if (validate === undefined) {
      const { components } = this.#document;
      validate = this.#ajv.compile({ ...schema, components }) as (value: unknown) => boolean;
      this.#validators.set(schema, validate);
    }
    return validate(value);
  }

  /** Asserts that the document allows this answer: its status, media type, body and the code of a problem. */
  judge({ operation: { responses } }: Place, { status, headers, body }: Answer): void {
    const response = responses[status];
    assert.ok(response, `the document has no status ${status}`);
    const type = headers.get("content-type")?.split(";", 1)[0] ?? "";
    if (response.content === undefined) return assert.deepEqual([type, body], ["", ""]);
    const content = response.content[type];
    assert.ok(content, `the document has no ${type || "answer without a type"} for ${status}`);
    assert.ok(this.isValid(content.schema, body), "the body is not what the document describes");
    if (type !== "application/problem+json") return;
    const { code } = body as { readonly code: string };
    assert.ok(response.description.includes(`\`${code}\``), `the document has no ${code}`);
  }
}
