/**
 * What the client library hides from an app, and a gateway must not do all the same: send a message again,
 * say Ready twice, send frames that are none of the protocol's.
 *
 * It only looks; what passes is the library's to answer.
 *
 * @module
 */

/** Looks at all that one client receives, over all of its connections. */
export class Audit {
  readonly faults: string[] = [];
  readonly #ids = new Set<unknown>();

  /** A connection is made: call the function with what the client receives on it. */
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
        default:
          this.faults.push(`no frame of the protocol: ${data}`);
      }
    };
  }
}
