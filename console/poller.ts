/**
 * Polls while the page is visible.
 *
 * @module
 */

export interface PollerDeps {
  readonly isHidden: () => boolean;
  /** Calls `callback` whenever the page is hidden or shown. */
  readonly onVisibility: (callback: () => void) => void;
  /** Calls `callback` after the time between two polls. */
  readonly later: (callback: () => void) => void;
  /** The next interval starts when it resolves. */
  readonly poll: () => Promise<void>;
}

/** Polls now and at intervals; pauses while the page is hidden, and polls when it is shown again. */
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
