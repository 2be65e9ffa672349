/**
 * When the page is drawn: once for all the changes before a frame of the display, and some times a second at
 * most, so that traffic costs what the eye can follow and no more.
 *
 * It draws nothing itself and knows no state. What the client does, such as answering heartbeats, never waits
 * for it.
 *
 * @module
 */

/** Calls back later, once, unless it is cancelled; returns how. */
export type Later = (callback: () => void) => () => void;

/** What it waits for. */
export interface Display {
  /** The next frame, which does not come while nobody looks at the page. */
  readonly frame: Later;
  /** A while, for a page that is hidden: its title and what is read aloud go on. */
  readonly while: Later;
  /** A rest between two drawings, in which the browser lays out and paints, and the page does its work. */
  readonly rest: Later;
}

/** Has something drawn for each change, but not once for each. */
export class Redraw {
  readonly #display: Display;
  readonly #draw: () => void;
  #isWanted = false;
  #isBusy = false;

  /** Calls `draw` when `display` says. */
  constructor(display: Display, draw: () => void) {
    this.#display = display;
    this.#draw = draw;
  }

  /** Something has changed. */
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
