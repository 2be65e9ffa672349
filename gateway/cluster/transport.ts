/**
 * The library's socket to NATS with two faults fixed.
 *
 * The library removes its listeners before it closes a socket, so that a later error, most often a reset, would be
 * uncaught. And it verifies the certificate of a server that has an IP address against `localhost`.
 *
 * Records the errors of failed attempts; `faults.ts` explains them.
 *
 * @module
 */

import { connect } from "node:tls";
import { type ConnectionOptions, setTransportFactory } from "@nats-io/transport-node";
import { nodeResolveHost, NodeTransport } from "@nats-io/transport-node/lib/node_transport.js";

type Server = Parameters<NodeTransport["connect"]>[0];
type Socket = NodeTransport["socket"];

/** The latest attempt to connect. */
export class Attempt {
  /** The first error of its socket, even after the library removed its listeners. */
  error: Error | undefined;
  /** From the server's INFO (`tls_verify`). */
  wantsCertificate = false;
  /** Called whenever it fails. */
  failed: (error: unknown) => void = () => {};
}

export interface ObservedOptions extends ConnectionOptions {
  readonly attempt: Attempt;
}

/** Makes the library use this transport for all connections. */
export function useOwnTransport(): void {
  setTransportFactory({ factory: () => new Transport(), dnsResolveFn: nodeResolveHost });
}

class Transport extends NodeTransport {
  #host = "";
  #attempt = new Attempt();

  override async connect(
    server: Server,
    options: Parameters<NodeTransport["connect"]>[1] & { readonly attempt?: Attempt },
  ): Promise<void> {
    this.#host = server.hostname;
    this.#attempt = options.attempt ?? this.#attempt;
    this.#attempt.error = undefined;
    this.#attempt.wantsCertificate = false;
    try {
      await super.connect(server, options);
    } catch (error) {
      this.#attempt.failed(error);
      throw error;
    }
  }

  override async dial(server: Server): Promise<Socket> {
    return this.#withErrorHandler(await super.dial(server));
  }

  override async peekInfo(): ReturnType<NodeTransport["peekInfo"]> {
    const info = await super.peekInfo();
    this.#attempt.wantsCertificate = info.tls_verify === true;
    return info;
  }

  override startTLS(): ReturnType<NodeTransport["startTLS"]> {
    const { ca, cert, key } = this.options.tls ?? {};
    const certificates = { ca, cert, key };
    const socket = this.#withErrorHandler(
      connect({ ...certificates, socket: this.socket, servername: this.tlsName, host: this.#host }),
    );
    return new Promise((resolve, reject) => {
      socket.once("secureConnect", () => resolve(socket));
      socket.once("close", () => reject(this.#attempt.error ?? new Error("closed during TLS")));
    });
  }

  /** Handles the socket's errors, even after the library removes all listeners. */
  #withErrorHandler<S extends Socket>(socket: S): S {
    const attempt = this.#attempt;
    const hear = (error: Error): void => {
      // Later errors follow from the first, and say less.
      attempt.error ??= error;
      attempt.failed(error);
    };
    const forget = socket.removeAllListeners.bind(socket);
    socket.removeAllListeners = (...events) => {
      forget(...events);
      return socket.on("error", hear);
    };
    return socket.on("error", hear);
  }
}
