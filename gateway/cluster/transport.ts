/**
 * The socket to NATS: the library's own, made safe in two ways that it is not.
 *
 * The library stops listening to a socket before it gives it up. What the socket has to say after that, a
 * reset most often, would come up as an error that nobody caught. And it has the certificate of a server
 * that is called by its address compared with `localhost`.
 *
 * It keeps what it has learnt of a server that could not be reached; what that means is for `faults.ts`.
 *
 * @module
 */

import { connect } from "node:tls";
import { type ConnectionOptions, setTransportFactory } from "@nats-io/transport-node";
import { nodeResolveHost, NodeTransport } from "@nats-io/transport-node/lib/node_transport.js";

type Server = Parameters<NodeTransport["connect"]>[0];
type Socket = NodeTransport["socket"];

/** What is known of the latest attempt to reach a server. */
export class Attempt {
  /** The first error of its socket, even if nobody listened any more. */
  error: Error | undefined;
  /** Whether the server asks for a certificate. */
  wantsCertificate = false;
  /** Is told whenever it fails. */
  failed: (error: unknown) => void = () => {};
}

/** Options of a connection which tell of their attempts. */
export interface ObservedOptions extends ConnectionOptions {
  /** Where they are told. */
  readonly attempt: Attempt;
}

/** Lets the library make its connections with this transport. */
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
    return this.#heardToTheEnd(await super.dial(server));
  }

  override async peekInfo(): ReturnType<NodeTransport["peekInfo"]> {
    const info = await super.peekInfo();
    this.#attempt.wantsCertificate = info.tls_verify === true;
    return info;
  }

  override startTLS(): ReturnType<NodeTransport["startTLS"]> {
    const { ca, cert, key } = this.options.tls ?? {};
    const certificates = { ca, cert, key };
    const socket = this.#heardToTheEnd(
      connect({ ...certificates, socket: this.socket, servername: this.tlsName, host: this.#host }),
    );
    return new Promise((resolve, reject) => {
      socket.once("secureConnect", () => resolve(socket));
      socket.once("close", () => reject(this.#attempt.error ?? new Error("closed during TLS")));
    });
  }

  /** Its errors are heard, however often the library takes away all who listen. */
  #heardToTheEnd<S extends Socket>(socket: S): S {
    const attempt = this.#attempt;
    const hear = (error: Error): void => {
      // What comes after the first is of the socket's end, and says less.
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
