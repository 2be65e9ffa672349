/**
 * Admission control: limits connections in all, from one address, and not yet identified, and the rate at
 * which an address connects.
 *
 * A connection counts from before its upgrade until its socket is gone, so that a peer that does not close
 * its end cannot exceed its share.
 *
 * @module
 */

import { ConnectionRate, type ConnectionRateOptions } from "./connection_rate.ts";
import { CloseCode } from "./protocol/mod.ts";
import type { Clock } from "./ports.ts";

/** Close codes that are charged to the address, as refused tokens are. */
export const FAULTS: ReadonlySet<number> = new Set([
  CloseCode.ProtocolError.code,
  CloseCode.InvalidText.code,
  CloseCode.TooManyFragments.code,
  CloseCode.MessageTooBig.code,
  CloseCode.Malformed.code,
  CloseCode.RateLimited.code,
]);

/** Limits on the number of connections, and on how often they come. */
export interface AdmissionOptions extends ConnectionRateOptions {
  /** Most connections in all. */
  readonly maxConnections: number;
  /** Most connections from one address. */
  readonly maxConnectionsPerIp: number;
  /** Most connections that are open and not ready. */
  readonly maxUnidentified: number;
  /** Most ready connections of one user, of which the newest stay; 0 for no limit. The gateway applies it. */
  readonly maxConnectionsPerUser: number;
}

/** The limit that is exceeded. */
export type Refusal = "total" | "per_address" | "unidentified" | "rate";

/** Connections beyond the limits that are refused by close code; further ones are refused by HTTP. */
const REFUSED_AT_ONCE = 256;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #rate: ConnectionRate;
  readonly #perAddress = new Map<string, number>();
  #admitted = 0;
  #unidentified = 0;
  #refused = 0;

  constructor(clock: Clock, options: AdmissionOptions) {
    this.#options = options;
    this.#rate = new ConnectionRate(clock, options);
  }

  /** Connections now, including refused ones that are still open. */
  get connections(): number {
    return this.#admitted + this.#refused;
  }

  /** Number of addresses that they come from. */
  get addresses(): number {
    return this.#perAddress.size;
  }

  /**
   * Counts a connection from `client`. Returns the reason instead of a permit when it exceeds the rate, or when
   * too many refused connections are open to refuse it by close code.
   */
  admit(client: string): Permit | Refusal {
    const address = network(client);
    if (!this.#rate.connected(address)) return "rate";
    const refusal = this.#refusal(address);
    if (refusal !== undefined && this.#refused >= REFUSED_AT_ONCE) return refusal;
    return new Permit({ book: this.#book, address, refusal });
  }

  #refusal(address: string): Refusal | undefined {
    const { maxConnections, maxConnectionsPerIp, maxUnidentified } = this.#options;
    if (this.#admitted >= maxConnections) return "total";
    if ((this.#perAddress.get(address) ?? 0) >= maxConnectionsPerIp) return "per_address";
    if (this.#unidentified >= maxUnidentified) return "unidentified";
    return undefined;
  }

  readonly #book: Book = {
    admitted: (address, change) => {
      this.#admitted += change;
      const count = (this.#perAddress.get(address) ?? 0) + change;
      if (count === 0) this.#perAddress.delete(address);
      else this.#perAddress.set(address, count);
    },
    unidentified: (change) => {
      this.#unidentified += change;
    },
    refused: (change) => {
      this.#refused += change;
    },
    atFault: (address) => this.#rate.atFault(address),
  };
}

/** The counts that permits change. */
interface Book {
  admitted(address: string, change: 1 | -1): void;
  unidentified(change: 1 | -1): void;
  refused(change: 1 | -1): void;
  atFault(address: string): void;
}

/** Counts one connection until {@linkcode release}. */
export class Permit {
  /** The limit that it exceeds, or `undefined` if it may stay. */
  readonly refusal: Refusal | undefined;
  readonly #book: Book;
  readonly #address: string;
  #counts: "unidentified" | "identified" | "no more" = "unidentified";

  constructor(
    { book, address, refusal }: {
      readonly book: Book;
      readonly address: string;
      readonly refusal: Refusal | undefined;
    },
  ) {
    this.#book = book;
    this.#address = address;
    this.refusal = refusal;
    if (refusal === undefined) {
      book.admitted(address, 1);
      book.unidentified(1);
    } else {
      book.refused(1);
    }
  }

  /** Stops counting it as unidentified: the session is ready. */
  identified(): void {
    if (this.refusal !== undefined || this.#counts !== "unidentified") return;
    this.#counts = "identified";
    this.#book.unidentified(-1);
  }

  /** Charges its address for a fault of its client; see {@linkcode ConnectionRate}. */
  atFault(): void {
    this.#book.atFault(this.#address);
  }

  /** Stops counting it: the socket is gone. */
  release(): void {
    if (this.#counts === "no more") return;
    this.identified();
    this.#counts = "no more";
    if (this.refusal === undefined) this.#book.admitted(this.#address, -1);
    else this.#book.refused(-1);
  }
}

/** Returns the address to count by: an IPv6 address counts as its /64 network, which belongs to one customer. */
function network(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":") || address.includes(".")) return address;
  const [head = "", tail] = address.split("%", 1)[0]?.split("::") ?? [];
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const last = tail === "" ? [] : tail.split(":");
    while (groups.length + last.length < 8) groups.push("0");
    groups.push(...last);
  }
  return groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, "")).join(":") + "::/64";
}
