/**
 * Schedules drawing: once for all changes before a frame, and a few times a second at most. The client's own
 * work never waits for it.
 *
 * @module
 */

/** Calls back once; returns how to cancel. */
export type Later = (callback: () => void) => () => void;

export interface Display {
  /** At the next frame, which never comes while the page is hidden. */
  readonly frame: Later;
  /** After a while, for a hidden page, whose title and live region must be updated. */
  readonly while: Later;
  /** After a pause between two drawings, for layout, paint and other work. */
  readonly rest: Later;
}

/** Combines changes into one drawing. */
export class Redraw {
  readonly #display: Display;
  readonly #draw: () => void;
  #isWanted = false;
  #isBusy = false;

  constructor(display: Display, draw: () => void) {
    this.#display = display;
    this.#draw = draw;
  }

  /** Requests a drawing after a change. */
  request(): void {
    this.#isWanted = true;
    if (!this.#isBusy) this.#wait();
  }

  #wait(): void {
    this.#isBusy = true;
    const draw = (): void => {
      cancelFrame();
      cancelWhile();
      this.#isWanted = false;
      this.#display.rest(() => this.#rested());
      this.#draw();
    };
    const cancelFrame = this.#display.frame(draw);
    const cancelWhile = this.#display.while(draw);
  }

  #rested(): void {
    this.#isBusy = false;
    if (this.#isWanted) this.#wait();
  }
}
