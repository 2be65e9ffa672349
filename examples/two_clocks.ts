/**
 * Keeps fake timers of a test in TypeScript in step with the test server's time.
 *
 * @module
 */

/** Moves fake timers by at most `maxMs`. Returns by how much, and whether a timer was due. */
export type Move = (
  maxMs: number,
) => Promise<{ readonly movedMs: number; readonly fired: boolean }>;

/** Connects to the test server at `url`, and moves the fake timers with its time. Returns what stops it. */
export async function keepInStep(url: string, move: Move): Promise<() => Promise<void>> {
  const control = new WebSocket(`${url.replace("http", "ws")}/mock/clock/steps`);
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  control.onopen = () => opened.resolve();
  control.onclose = ({ reason }) => {
    opened.reject(new Error(`the test server refuses: ${reason}`));
    closed.resolve();
  };
  control.onmessage = async ({ data }) => {
    const { movedMs, fired } = await move(JSON.parse(data).move_ms);
    control.send(JSON.stringify({ moved_ms: movedMs, fired }));
  };
  await opened.promise;
  return () => {
    control.close();
    return closed.promise;
  };
}
