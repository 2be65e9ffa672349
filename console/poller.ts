/**
 * Does something again and again for as long as the page is looked at.
 *
 * @module
 */

/** What it goes by. */
export interface PollerDeps {
  readonly isHidden: () => boolean;
  /** Calls `callback` whenever the page is hidden or shown. */
  readonly onVisibility: (callback: () => void) => void;
  /** Calls `callback` after the time between two polls. */
  readonly later: (callback: () => void) => void;
  /** What is done; the next time counts from its end. */
  readonly poll: () => Promise<void>;
}

/** Polls at once, and from then on; while nobody looks it waits, and polls at once when somebody does again. */
export function pollWhileVisible({ isHidden, onVisibility, later, poll }: PollerDeps): void {
  let isPolling = false;
  const next = async (): Promise<void> => {
    isPolling = !isHidden();
    if (!isPolling) return;
    await poll();
    later(() => void next());
  };
  onVisibility(() => isPolling || void next());
  void next();
}
