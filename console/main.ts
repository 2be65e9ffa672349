/**
 * The console: the page at `/` of a development start.
 *
 * @module
 */

/// <reference lib="dom" />

import uPlot from "uplot";
import { GatewayClient } from "../client/mod.ts";

const state = document.querySelector("#state");
const settings: unknown = await (await fetch("/console.json")).json();
if (state !== null) {
  state.textContent = `${JSON.stringify(settings)} ${typeof uPlot} ${typeof GatewayClient}`;
}
