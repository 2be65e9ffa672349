/**
 * Publishes text under a subject to every connected node, at most once: a text may be lost.
 *
 * @module
 */

import type { NatsConnection } from "@nats-io/transport-node";

export interface Bus {
  /** Subscribers answer to the subject `reply`. */
  publish(subject: string, text: string, reply?: string): void;
  /** Returns a function that unsubscribes. */
  subscribe(
    subject: string,
    listener: (text: string, reply: string | undefined) => void,
  ): () => void;
}

/** Drops what is published after the connection was closed. */
export function natsBus(nats: NatsConnection): Bus {
  return {
    publish: (subject, text, reply) => {
      if (!nats.isClosed()) nats.publish(subject, text, reply === undefined ? {} : { reply });
    },
    subscribe: (subject, listener) => {
      const subscription = nats.subscribe(subject, {
        callback: (_, message) => listener(message.string(), message.reply),
      });
      return () => subscription.unsubscribe();
    },
  };
}
