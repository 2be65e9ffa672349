/**
 * The control routes of rules: add one, look at all, remove one or all.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { json, noContent } from "../../gateway/http/answer.ts";
import { jsonResponse, responses } from "../../gateway/http/openapi.ts";
import { problem } from "../../gateway/http/problem.ts";
import type { App } from "../../gateway/http/types.ts";
import type { MockGateway } from "../gateway/gateway.ts";
import { addCommand } from "./command.ts";
import { RuleSchema, RulesSchema } from "../gateway/rule_schemas.ts";

const removed = { 204: { description: "Removed; frames that it held are sent" } };

export function addRules(app: App, { gateway }: { readonly gateway: MockGateway }): void {
  const { openAPIRegistry } = app;
  const list = createRoute({
    method: "get",
    path: "/mock/rules",
    summary: "The rules, and how often each has applied",
    responses: responses({ 200: jsonResponse("Oldest first", RulesSchema) }, ["invalid_query"]),
  });
  openAPIRegistry.registerPath(list);
  app.get(list.path, () => json(200, gateway.rules.list));

  addCommand(app, {
    path: "/mock/rules",
    summary: "Let something go wrong with the events that match",
    schema: RuleSchema,
    success: { 201: jsonResponse("The rule", RulesSchema.element) },
    run: async (rule) => {
      await gateway.settled();
      return json(201, gateway.rules.add(rule));
    },
  });

  const removeAll = createRoute({
    method: "delete",
    path: "/mock/rules",
    summary: "Remove all rules",
    responses: responses(removed, ["invalid_query"]),
  });
  openAPIRegistry.registerPath(removeAll);
  app.delete(removeAll.path, async () => {
    gateway.rules.clear();
    await gateway.settled();
    return noContent();
  });

  const remove = createRoute({
    method: "delete",
    path: "/mock/rules/{rule}",
    summary: "Remove a rule",
    request: { params: z.object({ rule: z.string().openapi({ example: "r1" }) }) },
    responses: responses(removed, ["invalid_query", "not_found"]),
  });
  openAPIRegistry.registerPath(remove);
  app.delete(remove.getRoutingPath(), async ({ req }) => {
    if (!gateway.rules.remove(req.param("rule"))) {
      return problem("not_found", "There is no rule of this name.");
    }
    await gateway.settled();
    return noContent();
  });
}
