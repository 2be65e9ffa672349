/**
 * Writes all traffic into the timeline.
 *
 * @module
 */

import type { LinkObserver } from "./network.ts";
import { brief, type Timeline } from "./timeline.ts";

/** Wraps `observer`, adding a line for each event. */
export function tracing(observer: LinkObserver, timeline: Timeline): LinkObserver {
  const say = ({ id }: { readonly id: number }, what: string): void => timeline.add(`#${id}`, what);
  return {
    admitted: (link, answer) => {
      say(link, `the gateway says ${answer}`);
      observer.admitted(link, answer);
    },
    opened: (link) => {
      say(link, "is open");
      observer.opened(link);
    },
    served: (link, connection) => observer.served(link, connection),
    serverReceived: (link, data) => {
      say(link, `--> ${brief(data)}`);
      observer.serverReceived(link, data);
    },
    serverSent: (link, text) => {
      say(link, `<-- ${brief(text)}`);
      observer.serverSent(link, text);
    },
    serverClosed: (link, code) => {
      say(link, `<-- close ${code}`);
      observer.serverClosed(link, code);
    },
    serverTerminated: (link) => {
      say(link, "the gateway terminates it");
      observer.serverTerminated(link);
    },
    serverEnded: (link, how) => {
      say(link, how === "died" ? "dies with the process" : "is gone");
      observer.serverEnded(link, how);
    },
  };
}
