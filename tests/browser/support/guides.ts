/**
 * The files in docs/guides.md, unchanged but for the gateway's URL, bundled as an app's bundler would, and a web
 * server with an app's pages and backend.
 *
 * @module
 */

import assert from "node:assert/strict";
import project from "../../../deno.json" with { type: "json" };
import type { GatewayProcess } from "../../conformance/support/process.ts";
import { read } from "../../tidy/sources.ts";

const CLIENT = new URL("../../../client/mod.ts", import.meta.url).href;
const EXAMPLE_URL = "wss://chat.example.com/gateway";
const USER = "alice";

/** Files that only tests need: a page that records events, and modules that only a phone has. */
const EXTRA: Readonly<Record<string, string>> = {
  "page.js": `
    import { openGateway } from "./tabs.js";
    openGateway((type, event) => seen.push(type === "message" ? event.content : [type, event]));
  `,
  "react-native.js": "export const { AppState } = phone;",
  "netinfo.js": "export default phone.NetInfo;",
};

const ENTRIES = ["main.jsx", "hydrate.jsx", "server.jsx", "worker.js", "page.js", "native.js"];

/** The files by name, as the document shows them. */
export function guideFiles(): ReadonlyMap<string, string> {
  const blocks = read("docs/guides.md").matchAll(/```jsx?(?: ignore)?\n\/\/ (\S+)\n(.*?)```/gs);
  return new Map([...blocks].map(([, name = "", code = ""]) => [name, code]));
}

/** The bundled files by name, for a gateway at `url`. */
export async function bundleGuides(url: string): Promise<ReadonlyMap<string, string>> {
  const folder = await Deno.makeTempDir();
  try {
    const config = {
      compilerOptions: { jsx: "react-jsx", jsxImportSource: "react" },
      imports: {
        ...project.scopes["./tests/"],
        "@emagine/gateway-client": CLIENT,
        "react-native": "./react-native.js",
        "@react-native-community/netinfo": "./netinfo.js",
      },
    };
    const files = { ...Object.fromEntries(guideFiles()), ...EXTRA };
    for (const [name, code] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, code.replace(EXAMPLE_URL, url));
    }
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--no-lock", "--platform=browser", "--outdir=out", ...ENTRIES],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const bundled = new Map<string, string>();
    for (const { name } of Deno.readDirSync(`${folder}/out`)) {
      bundled.set(name, await Deno.readTextFile(`${folder}/out/${name}`));
    }
    return bundled;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Serves the bundled files, `pages` by path, and what the app asks of its backend. */
export class App implements AsyncDisposable {
  readonly pages = new Map<string, string>();
  /** The answer to `GET /messages`. */
  stored: readonly unknown[] = [];
  /** The number of such requests. */
  loads = 0;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(gateway: GatewayProcess, files: ReadonlyMap<string, string>) {
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(options, async (request) => {
      const { pathname } = new URL(request.url);
      switch (pathname) {
        case "/token":
          return Response.json({ token: await gateway.backend.login(USER) });
        case "/messages":
          this.loads++;
          return Response.json(this.stored);
      }
      const script = files.get(pathname.slice(1));
      const text = script ?? this.pages.get(pathname);
      const type = script === undefined ? "text/html" : "text/javascript";
      return new Response(text ?? "", {
        status: text === undefined ? 404 : 200,
        headers: { "content-type": `${type}; charset=utf-8` },
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
