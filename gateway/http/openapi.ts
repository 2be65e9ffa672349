/**
 * The OpenAPI document: what the routes say of themselves, with a frame around it.
 *
 * @module
 */

import { Tag } from "./openapi_helpers.ts";
import type { App } from "./types.ts";

/** A document that describes the routes of `app`, as JSON. */
export function createOpenApi(app: App, version: string): unknown {
  app.openAPIRegistry.registerComponent("securitySchemes", "publishKey", {
    type: "http",
    scheme: "bearer",
    description: "The publish key, which the gateway shares with the app's backend",
  });
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "E-Magine Gateway",
      version,
      description: "A realtime gateway for chat and collaboration apps: publish over HTTP, " +
        "receive over WebSocket. Errors are problem details (RFC 9457) with a stable `code`.",
      license: { name: "MIT" },
    },
    // Relative to where the document is, which a proxy may serve under a prefix.
    servers: [{ url: "." }],
    tags: [
      { name: Tag.Backend, description: "For the app's backend, with the publish key" },
      { name: Tag.Clients, description: "For browsers and phones" },
      { name: Tag.Development, description: "The mock issuer; absent with a real one" },
      { name: Tag.Operators, description: "For operators and tools" },
    ],
  });
}
