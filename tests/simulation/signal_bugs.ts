/**
 * Lists deliberate bugs of signals.
 *
 * @module
 */

import type { Outgoing } from "../../gateway/ports.ts";
import { replaced } from "../../simulation/mod.ts";
import { type Bug, onceIn } from "./bug.ts";

const isMessage = ({ texts }: Outgoing): boolean => texts[0]?.startsWith('{"op":3,') ?? false;
const isSignal = ({ texts }: Outgoing): boolean => texts[0]?.startsWith('{"op":4,') ?? false;

export const SIGNAL_BUGS: readonly Bug[] = [
  {
    name: "a session that did not ask gets signals",
    make: () => ({
      accepted: (connection) =>
        Object.defineProperty(connection, "wantsSignals", { get: () => true, set: () => {} }),
    }),
  },
  {
    name: "a renewal does not end signals",
    make: () => ({
      accepted: (connection) => {
        let wants = false;
        Object.defineProperty(connection, "wantsSignals", {
          get: () => wants,
          set: (asked: boolean) => wants ||= asked,
        });
      },
    }),
  },
  {
    name: "a signal to the wrong user",
    make: () => ({
      signals: (real) => ({
        signal: (signals) =>
          real.signal(
            signals.map((signal) => signal.user === "7" ? { ...signal, user: "u5" } : signal),
          ),
      }),
    }),
  },
  {
    name: "a signal to a channel reaches everyone",
    make: () => ({
      signals: (real) => {
        const now = onceIn(100);
        return {
          signal: (signals) =>
            real.signal(signals.map((signal) => {
              if (signal.channel === undefined || !now()) return signal;
              const { channel: _, ...rest } = signal;
              return rest;
            })),
        };
      },
    }),
  },
  {
    name: "a signal overtakes a message that is being sent",
    make: () => ({
      socket: (real) => {
        const now = onceIn(100);
        let held: Outgoing | undefined;
        const release = (): void => {
          if (held !== undefined) real.send(held);
          held = undefined;
        };
        return replaced(real, {
          send: (outgoing) => {
            if (held === undefined && isMessage(outgoing) && now()) {
              held = outgoing;
              return;
            }
            if (!isSignal(outgoing)) release();
            real.send(outgoing);
            release();
          },
        });
      },
    }),
  },
];
