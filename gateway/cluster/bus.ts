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

/** Drops what is published without a connection, which the library would buffer without bound. */
export function natsBus(nats: NatsConnection): Bus {
  let isConnected = true;
  const watch = async (): Promise<void> => {
    for await (const { type } of nats.status()) {
      if (type === "disconnect") isConnected = false;
      if (type === "reconnect") isConnected = true;
    }
  };
  void watch();
  return {
    publish: (subject, text, reply) => {
      if (!isConnected || nats.isClosed()) return;
      nats.publish(subject, text, reply === undefined ? {} : { reply });
    },
    subscribe: (subject, listener) => {
      const subscription = nats.subscribe(subject, {
        callback: (_, message) => listener(message.string(), message.reply),
      });
      return () => subscription.unsubscribe();
    },
  };
}
