/**
 * Writes the declarations of the npm packages. `deno check` has checked the sources; here libraries stay
 * unresolved, so nothing that is exported may have a type that is inferred from one.
 *
 * The compiler is imported at its use, because it reads the environment when it is loaded: tests that import this
 * file must load without permissions, to be skipped.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { ROOT } from "./bundler.ts";

/**
 * Declarations for projects whose `lib` lacks them: ES2022 has no `AsyncDisposable`, and a project without the
 * types of the DOM and Node neither class. Where they exist, these add nothing.
 */
const GLOBALS = `declare global {
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
  interface AsyncDisposable {
    [Symbol.asyncDispose](): PromiseLike<void>;
  }
  interface AbortSignal {}
  interface URL {}
  interface Request {}
  interface RequestInit {}
  interface Response {
    readonly ok: boolean;
    readonly status: number;
    json(): Promise<any>;
    text(): Promise<string>;
  }
  interface WebSocket {}
}
`;

/** The declarations of a module and of what it refers to, in one text. @param entry from the project's folder */
export async function declarations(entry: string): Promise<string> {
  const { generateDtsBundle } = await import("dts-bundle-generator");
  const [text] = generateDtsBundle([{
    filePath: fileURLToPath(new URL(entry, ROOT)),
    output: { exportReferencedTypes: false, noBanner: true },
  }], { preferredConfigPath: fileURLToPath(new URL("tools/declarations.json", ROOT)) });
  if (text === undefined) throw new Error(`${entry} has no declarations`);
  return text + GLOBALS;
}

/** The declarations of a module alone; its imports stay. @param entry from the project's folder */
export async function ownDeclarations(entry: string): Promise<string> {
  const { default: ts } = await import("typescript");
  const source = Deno.readTextFileSync(new URL(entry, ROOT));
  return ts.transpileDeclaration(source, { fileName: entry }).outputText;
}
