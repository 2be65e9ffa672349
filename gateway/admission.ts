/**
 * How many connections there may be: in all, from one address, and not yet identified.
 *
 * Counts only. A connection counts from before its upgrade until its socket is gone, so that peers that
 * do not let go of theirs cannot take more than their share.
 *
 * @module
 */

/** Limits on connections. */
export interface AdmissionOptions {
  /** Most connections in all. */
  readonly maxConnections: number;
  /** Most connections from one address. */
  readonly maxConnectionsPerIp: number;
  /** Most connections that are open and not ready. */
  readonly maxUnidentified: number;
}

/** Which limit is reached. */
export type Refusal = "total" | "per_address" | "unidentified";

/** Connections beyond the limits that may be told so by a close code; further ones are told by HTTP. */
const REFUSED_AT_ONCE = 256;

/** A connection that counts. */
export interface Ticket {
  /** Why it must be refused, or `undefined` if there is room for it. */
  readonly refusal: Refusal | undefined;
  /** The session is ready: it no longer counts as unidentified. */
  identified(): void;
  /** The socket is gone: it no longer counts. */
  release(): void;
}

/** The counts. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #perAddress = new Map<string, number>();
  #admitted = 0;
  #unidentified = 0;
  #refused = 0;

  /** Nobody is connected. */
  constructor(options: AdmissionOptions) {
    this.#options = options;
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
   * Counts a connection from `client`. Gives the reason alone when there is not even room to refuse it
   * politely.
   */
  admit(client: string): Ticket | Refusal {
    const address = network(client);
    const refusal = this.#refusal(address);
    if (refusal !== undefined) return this.#refuse(refusal);
    let unidentified = true;
    let released = false;
    this.#admitted += 1;
    this.#unidentified += 1;
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    const identified = (): void => {
      if (!unidentified) return;
      unidentified = false;
      this.#unidentified -= 1;
    };
    const release = (): void => {
      if (released) return;
      released = true;
      identified();
      this.#admitted -= 1;
      const left = (this.#perAddress.get(address) ?? 1) - 1;
      if (left === 0) this.#perAddress.delete(address);
      else this.#perAddress.set(address, left);
    };
    return { refusal: undefined, identified, release };
  }

  #refusal(address: string): Refusal | undefined {
    const { maxConnections, maxConnectionsPerIp, maxUnidentified } = this.#options;
    if (this.#admitted >= maxConnections) return "total";
    if ((this.#perAddress.get(address) ?? 0) >= maxConnectionsPerIp) return "per_address";
    if (this.#unidentified >= maxUnidentified) return "unidentified";
    return undefined;
  }

  #refuse(refusal: Refusal): Ticket | Refusal {
    if (this.#refused >= REFUSED_AT_ONCE) return refusal;
    let released = false;
    this.#refused += 1;
    const release = (): void => {
      if (released) return;
      released = true;
      this.#refused -= 1;
    };
    return { refusal, identified: () => {}, release };
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
