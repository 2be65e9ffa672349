/**
 * How many connections there may be: in all, from one address, and not yet identified; and how often one
 * address may connect.
 *
 * Counts only. A connection counts from before its upgrade until its socket is gone, so that peers that
 * do not let go of theirs cannot take more than their share.
 *
 * @module
 */

import { ConnectionRate, type ConnectionRateOptions } from "./connection_rate.ts";
import type { Clock } from "./ports.ts";

/** Limits on connections. */
export interface AdmissionOptions extends ConnectionRateOptions {
  /** Most connections in all. */
  readonly maxConnections: number;
  /** Most connections from one address. */
  readonly maxConnectionsPerIp: number;
  /** Most connections that are open and not ready. */
  readonly maxUnidentified: number;
}

/** Which limit is reached. */
export type Refusal = "total" | "per_address" | "unidentified" | "rate";

/** Connections beyond the limits that may be told so by a close code; further ones are told by HTTP. */
const REFUSED_AT_ONCE = 256;

/** The counts. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #rate: ConnectionRate;
  readonly #perAddress = new Map<string, number>();
  #admitted = 0;
  #unidentified = 0;
  #refused = 0;

  /** Nobody is connected. */
  constructor(clock: Clock, options: AdmissionOptions) {
    this.#options = options;
    this.#rate = new ConnectionRate(clock, options);
  }

  /** How many connections count now, refused ones that are still open included. */
  get connections(): number {
    return this.#admitted + this.#refused;
  }

  /** How many addresses they come from. */
  get addresses(): number {
    return this.#perAddress.size;
  }

  /**
   * Counts a connection from `client`. Gives the reason alone when it comes too soon after others, or when
   * there is not even room to refuse it politely.
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

  /** What tickets change. */
  readonly #book: Book = {
    admitted: (address, change) => {
      this.#admitted += change;
      const left = (this.#perAddress.get(address) ?? 0) + change;
      if (left === 0) this.#perAddress.delete(address);
      else this.#perAddress.set(address, left);
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

/** Where tickets are counted. */
interface Book {
  admitted(address: string, change: 1 | -1): void;
  unidentified(change: 1 | -1): void;
  refused(change: 1 | -1): void;
  atFault(address: string): void;
}

/** A connection that counts. */
export class Permit {
  /** Why it must be refused, or `undefined` if there is room for it. */
  readonly refusal: Refusal | undefined;
  readonly #book: Book;
  readonly #address: string;
  #counts: "unidentified" | "identified" | "no more" = "unidentified";

  /** Counts from now on. */
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

  /** The session is ready: it no longer counts as unidentified. */
  identified(): void {
    if (this.refusal !== undefined || this.#counts !== "unidentified") return;
    this.#counts = "identified";
    this.#book.unidentified(-1);
  }

  /** Its client is at fault, so that the next connections of its address may have to wait. */
  atFault(): void {
    this.#book.atFault(this.#address);
  }

  /** The socket is gone: it no longer counts. */
  release(): void {
    if (this.#counts === "no more") return;
    this.identified();
    this.#counts = "no more";
    if (this.refusal === undefined) this.#book.admitted(this.#address, -1);
    else this.#book.refused(-1);
  }
}

/** Who counts as one client: an IPv4 address, or the /64 network that one IPv6 customer has whole. */
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
