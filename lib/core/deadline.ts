import { GoaroundError } from "./errors.ts";
import type { Clock } from "./ports.ts";

/** When work must have finished, and the signal that fires then. */
export interface Deadline {
  at: Date;
  signal: AbortSignal;
}

/**
 * Runs `work` for at most `budgetMs`. Rejects with `timed-out` after that, although the work may still hang: whoever
 * must report does not wait for it. The signal tells work that is still alive to write nothing any more.
 */
export async function withinBudget<T>(
  clock: Clock,
  budgetMs: number,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const finished = new AbortController();
  const at = new Date(clock.now().getTime() + Math.max(0, budgetMs));
  const timeout = clock.sleep(Math.max(0, budgetMs), finished.signal).then(
    () => {
      const error = new GoaroundError("timed-out", "dependency", `the work was not done within ${budgetMs} ms`, {
        advice: "Look for the call that hangs in the log before this line.",
      });
      controller.abort(error);
      throw error;
    },
    // The work was first and ended the timer: it has the last word.
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([work({ at, signal: controller.signal }), timeout]);
  } finally {
    finished.abort();
  }
}
