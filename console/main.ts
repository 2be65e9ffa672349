/**
 * The console's entry: assembles the page and starts it (docs/console.md).
 *
 * @module
 */

import { Controller } from "./controller.ts";
import { byId, ignoreDisabled, setText } from "./dom.ts";
import { type Display, type Later, Redraw } from "./redraw.ts";
import { Store } from "./state.ts";
import { closeView } from "./views/close.ts";
import { connectionView } from "./views/connection.ts";
import { faultsView } from "./views/faults.ts";
import { framesView } from "./views/frames.ts";
import { loginView } from "./views/login.ts";
import { lookupView } from "./views/lookup.ts";
import { messagesView } from "./views/messages.ts";
import { publishView } from "./views/publish.ts";
import { roundTripsView } from "./views/round_trips.ts";
import { pollMetrics, serverView } from "./views/server.ts";
import { sessionView } from "./views/session.ts";

/** The interval of countdowns. */
const TICK_MS = 100;
/** The same with `prefers-reduced-motion`. */
const CALM_TICK_MS = 1000;
/** The delay of a drawing while the page is hidden. */
const HIDDEN_MS = 1000;
/** The minimum between two drawings. */
const REST_MS = 100;

ignoreDisabled();
const store = new Store();
const controller = new Controller(store);
const views = [
  loginView(controller),
  connectionView(controller),
  sessionView(),
  closeView(),
  publishView(controller),
  messagesView(),
  framesView(controller),
  roundTripsView(controller),
  faultsView(controller),
  lookupView(controller),
  serverView(),
];

const tick = (): void => {
  const now = Date.now();
  for (const view of views) view.tick?.(store.state, now);
};

const draw = (): void => {
  for (const view of views) view.render(store.state);
  setText(byId("announcement", HTMLElement), store.state.announcement);
  tick();
};

const after = (ms: number): Later => (callback) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

const display: Display = {
  frame(callback) {
    const frame = requestAnimationFrame(callback);
    return () => cancelAnimationFrame(frame);
  },
  while: after(HIDDEN_MS),
  rest: after(REST_MS),
};

const redraw = new Redraw(display, draw);
draw();
store.subscribe(() => redraw.request());
const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
setInterval(tick, isCalm ? CALM_TICK_MS : TICK_MS);
pollMetrics(store);
await controller.start();
