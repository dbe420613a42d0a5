import { initialCes, lookCes } from "../../lib/core/judge/sequential/ces.ts";
import { type ErrorsState, initialErrors, lookErrors } from "../../lib/core/judge/sequential/errors.ts";
import type { Block } from "../../lib/core/judge/sequential/null-law.ts";
import { ALPHA, type Detector, type Watch } from "./detector.ts";

/** The judge's error test by itself. */
export const goaround = (seconds: 10 | 60): Detector => ({
  name: `Goaround ${seconds} s`,
  seconds,
  start: ({ share, copies }) => (copies === 1 ? alone(seconds, share) : together(seconds, share, copies)),
});

function alone(seconds: number, share: number): Watch {
  let state = initialErrors;
  return ([block], elapsed, done) => {
    if (done[0]) return;
    const look = lookErrors(state, block!, seconds, elapsed, { alpha: ALPHA, share });
    state = look.state;
    done[0] = look.rollback;
  };
}

/** CES as it is published, without what the judge adds for thin and sparse traffic (docs/decisions/0030). */
export const plainCes: Detector = {
  name: "CES alone 10 s",
  seconds: 10,
  start({ share }) {
    let state = initialCes;
    return ([block], elapsed, done) => {
      if (done[0]) return;
      const look = lookCes(state, block!, elapsed, { alpha: ALPHA, share });
      state = look.state;
      done[0] = look.rollback;
    };
  },
};

/**
 * Releases with the same traffic and the same total of errors have the same boundaries: those are computed once, and
 * each copy's errors are held against them. Not for thin traffic, where bets depend on who failed.
 */
export function together(seconds: number, share: number, copies: number): Watch {
  let state: ErrorsState = initialErrors;
  // The last one is the release that the boundaries are computed with: it fails as seldom as the total allows.
  const positions = new Float64Array(copies + 1);
  const waiting = new Float64Array(copies + 1);
  let leastErrors = 0;
  return (blocks, elapsed, done) => {
    const { canaryRequests, baselineRequests, canaryErrors, baselineErrors } = blocks[0]!;
    const errors = canaryErrors + baselineErrors;
    const least = Math.max(0, errors - baselineRequests);
    leastErrors += least;
    const block: Block = { canaryRequests, baselineRequests, canaryErrors: least, baselineErrors: errors - least };
    const before = state.ces;
    const look = lookErrors(state, block, seconds, elapsed, { alpha: ALPHA, share });
    state = look.state;
    if (state.thin || look.rollback || state.ces.crossed) throw new Error("copies need traffic that is not thin");
    const after = state.ces;
    const { unit } = before;
    for (let i = 0; i <= copies; i++) waiting[i]! += i < copies ? blocks[i]!.canaryErrors : least;
    if (unit > 1 && after.pending !== initialCes.pending) return;
    for (let i = 0; i <= copies; i++) {
      positions[i]! += rounded(waiting[i]!, unit);
      waiting[i] = 0;
    }
    if (look.boundary !== null) {
      const boundary = unit === 1 ? look.boundary : positions[copies]! + (look.boundary - leastErrors) / unit;
      for (let i = 0; i < copies; i++) if (positions[i]! >= boundary) done[i] = true;
    }
    if (after.unit > unit) for (let i = 0; i <= copies; i++) positions[i] = rounded(positions[i]!, after.unit / unit);
  };
}

const rounded = (value: number, step: number) => Math.floor((value + step / 2) / step);
