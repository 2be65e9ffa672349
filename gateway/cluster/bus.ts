/**
 * What nodes say to each other: text under a subject, to every node that is connected, with no promise
 * that it arrives.
 *
 * @module
 */

import type { NatsConnection } from "@nats-io/transport-node";

/** Publishes and subscribes, as NATS does. */
export interface Bus {
  /** Sends `text`; subscribers answer to the subject `reply`. */
  publish(subject: string, text: string, reply?: string): void;
  /** Calls `listener` with what is published under `subject`; returns how to stop. */
  subscribe(
    subject: string,
    listener: (text: string, reply: string | undefined) => void,
  ): () => void;
}

/** The bus of a NATS server; what is published once the connection is closed is dropped. */
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
