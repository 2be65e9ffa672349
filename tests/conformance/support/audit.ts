/**
 * Finds faults of a gateway that the client library hides from an app: repeated messages, a second Ready, frames
 * that the protocol does not have.
 *
 * It only reads; the library answers.
 *
 * @module
 */

/** Reads everything that one client receives, over all of its connections. */
export class Audit {
  readonly faults: string[] = [];
  /** The client asks for signals. */
  listens = false;
  readonly #ids = new Set<unknown>();

  /** Call it for each connection, and the returned function with what the client receives on it. */
  connection(): (data: unknown) => void {
    let isReady = false;
    return (data) => {
      const frame = JSON.parse(String(data));
      switch (frame.op) {
        case 0:
        case 10:
        case 11:
          return;
        case 2:
          if (isReady) this.faults.push(`a second Ready: ${data}`);
          isReady = true;
          return;
        case 3:
          if (this.#ids.has(frame.id)) this.faults.push(`a second time: ${data}`);
          this.#ids.add(frame.id);
          return;
        case 4:
          if (!this.listens) this.faults.push(`a signal that was not asked for: ${data}`);
          return;
        default:
          this.faults.push(`no frame of the protocol: ${data}`);
      }
    };
  }
}
