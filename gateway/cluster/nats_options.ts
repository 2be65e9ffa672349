/**
 * Describes how to reach NATS: its servers, credentials and certificates.
 *
 * @module
 */

/** How the gateway authenticates. */
export type NatsCredentials =
  | { readonly kind: "user"; readonly user: string; readonly password: string }
  | { readonly kind: "token"; readonly token: string }
  /** The seed of a user's nkey; it begins with `SU`. */
  | { readonly kind: "nkey"; readonly seed: string };

/** Certificates, as PEM texts. */
export interface NatsTls {
  /** Authorities to trust, instead of the system's. */
  readonly ca?: string;
  /** The gateway's own certificate, together with `key`. */
  readonly cert?: string;
  readonly key?: string;
}

export interface NatsOptions {
  /**
   * URLs such as `nats://10.0.0.1:4222`, one at least; the cluster announces its other servers. One with
   * `tls://` makes every connection encrypted; with `nats://` a connection is if the server asks for it.
   */
  readonly servers: readonly string[];
  /** Without, the gateway does not authenticate. */
  readonly credentials?: NatsCredentials;
  /** If set, every connection is encrypted. */
  readonly tls?: NatsTls;
}
