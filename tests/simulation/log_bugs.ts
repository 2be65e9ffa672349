/**
 * Lists deliberate bugs of the log, its reads and its fan-out.
 *
 * @module
 */

import type { AppendRequest, Store } from "../../gateway/log/mod.ts";
import type {
  Draft,
  LogPage,
  LogQuery,
  Message,
  MessageLog,
  Revocations,
} from "../../gateway/ports.ts";
import { replaced } from "../../simulation/mod.ts";
import type { Bug } from "./bug.ts";

/** Changes pages as the gateway reads them. */
function pages(
  name: string,
  change: (page: LogPage | "expired", query: LogQuery, log: MessageLog) => LogPage | "expired",
): Bug {
  return log(name, (real) => ({
    read: async (query) => change(await real.read(query), query, real),
  }));
}

/** Changes the gateway's queries. */
function reads(name: string, change: (query: LogQuery) => LogQuery): Bug {
  return log(name, (real) => ({ read: (query) => real.read(change(query)) }));
}

/** Changes the messages of every publish. */
function drafts(name: string, change: (drafts: readonly Draft[]) => readonly Draft[]): Bug {
  return log(name, (real) => ({
    publish: (drafts) => real.publish(change(drafts)),
    publishOnce: (key, drafts) => real.publishOnce(key, change(drafts)),
  }));
}

/** Changes the messages that the fan-out receives. */
function batches(name: string, change: (messages: readonly Message[]) => readonly Message[]): Bug {
  return log(name, (real) => ({
    subscribe: (listener) => real.subscribe((messages) => listener(change(messages))),
  }));
}

function log(name: string, change: (log: MessageLog) => Partial<MessageLog>): Bug {
  return { name, make: () => ({ log: (real) => replaced(real, change(real)) }) };
}

/** Changes part of the store; calls `make` once per world. */
function store(name: string, make: () => (store: Store) => Partial<Store>): Bug {
  return {
    name,
    make: () => {
      const change = make();
      return { store: (real) => replaced(real, change(real)) };
    },
  };
}

/** Confirms commits without a key before they are durable. */
function hasty(real: Store): Partial<Store> {
  let head = 0;
  return {
    open: async () => {
      const state = await real.open();
      head = state.head;
      return state;
    },
    append: async (requests, now) => {
      if (requests.some(({ once }) => once !== undefined)) {
        const appended = await real.append(requests, now);
        for (const outcome of appended.outcomes) {
          if (outcome.kind === "stored") head += outcome.count;
        }
        return appended;
      }
      void real.append(requests, now);
      const outcomes = requests.map(({ rows }) => {
        const first = head + 1;
        head += rows.length;
        return { kind: "stored", first, count: rows.length, time: now.wall } as const;
      });
      return { outcomes, full: false };
    },
  };
}

/** Stores the publishes of a group in reverse, but answers them in their order. */
function reversing(real: Store): Partial<Store> {
  return {
    append: async (requests, now) => {
      const { outcomes, full } = await real.append([...requests].reverse(), now);
      let first = Math.min(...outcomes.map((each) => each.kind === "stored" ? each.first : 0));
      if (first === 0 || requests.length < 2) return { outcomes: [...outcomes].reverse(), full };
      const inOrder = requests.map(({ rows }) => {
        const stored = { kind: "stored", first, count: rows.length, time: now.wall } as const;
        first += rows.length;
        return stored;
      });
      return { outcomes: inOrder, full };
    },
  };
}

/** Ignores idempotency keys, unless the body differs. */
function forgetful(): (real: Store) => Partial<Store> {
  const digests = new Map<string, string>();
  const forget = (request: AppendRequest): AppendRequest => {
    if (request.once === undefined) return request;
    const { key, digest } = request.once;
    if (digests.get(key) === digest) return { ...request, once: undefined };
    digests.set(key, digest);
    return request;
  };
  return (real) => ({
    append: (requests, now) => real.append(requests.map(forget), now),
  });
}

function shifted(page: LogPage, by: number): LogPage {
  const [epoch] = page.upTo.id.split("-");
  const sequence = page.upTo.sequence + by;
  return { ...page, upTo: { id: `${epoch}-${sequence}`, sequence } };
}

/** Changes whether a token is revoked. */
function revocations(
  name: string,
  change: (real: Revocations) => Partial<Revocations>,
): Bug {
  return log(name, ({ revocations: real }) => ({
    revocations: {
      revoke: (revocation) => real.revoke(revocation),
      isRevoked: (claims) => real.isRevoked(claims),
      ...change(real),
    },
  }));
}

/** Overlooks a revocation once: the verification of a token may have begun before it. */
function hastyRevocations(real: Revocations): Partial<Revocations> {
  const overlooked = new Set<string>();
  return {
    revoke: async (revocation) => {
      await real.revoke(revocation);
      overlooked.add(revocation.user);
    },
    isRevoked: (claims) => !overlooked.delete(claims.user) && real.isRevoked(claims),
  };
}

export const LOG_BUGS: readonly Bug[] = [
  pages("a replay skips one", (page) => {
    if (page === "expired" || page.messages.length < 2) return page;
    return { ...page, messages: page.messages.slice(1) };
  }),
  pages("a replay repeats one", (page) => {
    if (page === "expired") return page;
    return { ...page, messages: [...page.messages.slice(0, 1), ...page.messages] };
  }),
  pages("a replay takes its first page for all", (page, _query, log) => {
    if (page === "expired" || !page.more) return page;
    return { ...page, more: false, upTo: log.head() };
  }),
  pages("a message twice where replay goes over to live", (page) => {
    if (page === "expired" || page.more || page.messages.length === 0) return page;
    return shifted(page, -1);
  }),
  pages("a gap where replay goes over to live", (page) => {
    return page === "expired" || page.more ? page : shifted(page, 1);
  }),
  pages("resumed though retention took what was missed", (page, { after = "" }, log) => {
    const sequence = Number(/^e1-([1-9]\d*)$/.exec(after)?.[1]);
    if (page !== "expired" || !(sequence <= log.head().sequence)) return page;
    return { messages: [], more: false, upTo: log.head() };
  }),
  reads("a replay omits messages to the user", ({ audience, ...query }) => {
    return { ...query, audience: { everyone: true, channels: audience.channels } };
  }),
  reads("a replay has another user's messages", ({ audience, ...query }) => {
    return { ...query, audience: { ...audience, user: "7" } };
  }),
  pages("never resumed", () => "expired"),
  batches("fan-out out of order", (messages) => [...messages].reverse()),
  batches("a message to the wrong user", (messages) => {
    return messages.map((message) => message.user === "7" ? { ...message, user: "u5" } : message);
  }),
  batches("the last of a group is not fanned out", (messages) => {
    return messages.length > 1 ? messages.slice(0, -1) : messages;
  }),
  drafts("a message is stored without its channel", (drafts) => {
    return drafts.map(({ channel: _channel, ...draft }) => draft);
  }),
  drafts("a message that nobody has published", (drafts) => {
    return [...drafts, { author: "log", content: "made up" }];
  }),
  log("201 has the id of the message before", (real) => ({
    publish: async (drafts) => {
      const messages = await real.publish(drafts);
      const before = ({ id, sequence, ...message }: Message): Message => {
        const [epoch] = id.split("-");
        return { ...message, id: `${epoch}-${sequence - 1}`, sequence: sequence - 1 };
      };
      return messages.map(before);
    },
  })),
  store("201 before the message is durable", () => hasty),
  store("a sequence is left out", () => (real) => ({
    append: async (requests, now) => {
      const { outcomes, full } = await real.append(requests, now);
      const shifted = outcomes.map((outcome) => {
        return outcome.kind === "stored" ? { ...outcome, first: outcome.first + 1 } : outcome;
      });
      return { outcomes: shifted, full };
    },
  })),
  store("a group is stored in another order", () => reversing),
  store("a repeated Idempotency-Key publishes again", forgetful),
  store("a revocation is not stored", () => () => ({ revoke: () => Promise.resolve() })),
  revocations("a token that is verified during a revocation is accepted", hastyRevocations),
  revocations("a token of the current second is accepted after a revocation", (real) => ({
    isRevoked: (claims) => real.isRevoked({ ...claims, issuedAt: claims.issuedAt + 1000 }),
  })),
  revocations("a token without iat is accepted after a revocation", (real) => ({
    isRevoked: (claims) => claims.issuedAt > 0 && real.isRevoked(claims),
  })),
  store("the last id is used again after a restart", () => (real) => ({
    open: async () => {
      const state = await real.open();
      return { ...state, head: Math.max(0, state.head - 1) };
    },
  })),
];
