/**
 * Worlds side by side on one port, for tests that run in parallel: each below a path of its own, with its own
 * time, connections and messages.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { json, noContent } from "../../gateway/http/answer.ts";
import { jsonResponse, responses } from "../../gateway/http/openapi.ts";
import { problem } from "../../gateway/http/problem.ts";
import type { App } from "../../gateway/http/types.ts";
import type { Exchange } from "../../gateway/ports.ts";
import { refusal } from "../gateway/refusal.ts";
import { addCommand } from "./command.ts";

/** More are more likely a suite that forgets to end them than one that needs them. */
const MAX_WORLDS = 200;

const PREFIX = "/worlds/";

const WorldSchema = z.object({
  world: z.string().openapi({ example: "w1" }),
  url: z.string().openapi({
    description: "For `/login`, `/messages`, `/mock/…` and all other routes",
    example: "http://127.0.0.1:8000/worlds/w1",
  }),
  ws_url: z.string().openapi({
    description: "For clients",
    example: "ws://127.0.0.1:8000/worlds/w1/gateway",
  }),
}).openapi("World");

/** One gateway of the test server. */
export interface World {
  /** Answers every route of the gateway, and `/mock/…`. */
  handle(request: Request, exchange: Exchange): Promise<Response>;
  /** Ends its connections. */
  close(): Promise<void>;
}

export class Worlds {
  readonly #create: () => Promise<World>;
  readonly #worlds = new Map<string, World | undefined>();
  #count = 0;

  constructor(create: () => Promise<World>) {
    this.#create = create;
  }

  get names(): readonly string[] {
    return [...this.#worlds.keys()];
  }

  /** Returns its name; `undefined` if there are too many. */
  async add(): Promise<string | undefined> {
    if (this.#worlds.size >= MAX_WORLDS) return undefined;
    const name = `w${++this.#count}`;
    this.#worlds.set(name, undefined);
    this.#worlds.set(name, await this.#create());
    return name;
  }

  /** Returns false if there is none of this name. */
  async end(name: string): Promise<boolean> {
    const world = this.#worlds.get(name);
    this.#worlds.delete(name);
    await world?.close();
    return world !== undefined;
  }

  async close(): Promise<void> {
    await Promise.all(this.names.map((name) => this.end(name)));
  }

  /** Answers a request below `/worlds/`; `undefined` for others. */
  async handle(request: Request, exchange: Exchange): Promise<Response | undefined> {
    const url = new URL(request.url);
    if (!url.pathname.startsWith(PREFIX)) return undefined;
    const [name = ""] = url.pathname.slice(PREFIX.length).split("/", 1);
    const world = this.#worlds.get(name);
    if (world === undefined) return problem("not_found", "There is no world of this name.");
    url.pathname = url.pathname.slice(PREFIX.length + name.length);
    // Without the body, which the exchange reads.
    const { method, headers } = request;
    return await world.handle(new Request(url, { method, headers }), exchange);
  }
}

export function addWorlds(app: App, worlds: Worlds): void {
  const described = (name: string, origin: string): z.infer<typeof WorldSchema> => {
    const url = `${origin}${PREFIX}${name}`;
    return { world: name, url, ws_url: `${url.replace("http", "ws")}/gateway` };
  };
  const list = createRoute({
    method: "get",
    path: "/mock/worlds",
    summary: "The worlds",
    responses: responses(
      { 200: jsonResponse("All but the one without a prefix", z.array(WorldSchema)) },
      ["invalid_query"],
    ),
  });
  app.openAPIRegistry.registerPath(list);
  app.get(list.path, ({ req }) => {
    const { origin } = new URL(req.url);
    return json(200, worlds.names.map((name) => described(name, origin)));
  });

  addCommand(app, {
    path: "/mock/worlds",
    summary: "A gateway below a path of its own, with its own time",
    schema: z.strictObject({}).openapi("NewWorld"),
    success: { 201: jsonResponse("Where it is", WorldSchema) },
    run: async (_, { req }) => {
      const name = await worlds.add();
      if (name !== undefined) return json(201, described(name, new URL(req.url).origin));
      const detail = `There are ${MAX_WORLDS} worlds. End those that are over.`;
      return refusal({ status: 429, code: "too_many_worlds", title: "Too Many Requests", detail });
    },
  });

  const end = createRoute({
    method: "delete",
    path: "/mock/worlds/{world}",
    summary: "End a world",
    request: { params: z.object({ world: z.string().openapi({ example: "w1" }) }) },
    responses: responses({ 204: { description: "Its connections have ended" } }, ["not_found"]),
  });
  app.openAPIRegistry.registerPath(end);
  app.delete(
    end.getRoutingPath(),
    async ({ req }) =>
      await worlds.end(req.param("world"))
        ? noContent()
        : problem("not_found", "There is no world of this name."),
  );
}
