/** What tests in TypeScript do with the fixtures. */

import { gateway as pageGateway, gatewayWith as pageGatewayWith } from "@emagine/gateway-mock/playwright";
import { gateway, gatewayWith } from "@emagine/gateway-mock/vitest";
import type { MockGateway } from "@emagine/gateway-mock";
import { test as playwright } from "@playwright/test";
import { test as vitest } from "vitest";

const advance = (gateway: MockGateway) => gateway.advance(45_000);

vitest.extend<{ gateway: MockGateway }>({ gateway })("of vitest", ({ gateway }) => advance(gateway));
vitest.extend({ gateway: gatewayWith({ startMs: 0 }) })("of vitest", ({ gateway }) => advance(gateway));

playwright.extend<{ gateway: MockGateway }>({ gateway: pageGateway })("of Playwright", ({ gateway }) => advance(gateway));
playwright.extend<{ gateway: MockGateway }>({ gateway: pageGatewayWith({ url: /ws/ }) })("of Playwright", ({ gateway }) => advance(gateway));
