/**
 * The deficit test: does the canary finish fewer requests than its share? A version that hangs looks like no data,
 * because Lambda counts a request when it ends. Bets on half, a tenth and none of the share.
 */
const REMAINING = [0.5, 0.1, 0];

/** log wealth of each bet; -1e308 stands for log 0. */
export type ShareState = number[];
export const initialShare: ShareState = REMAINING.map(() => 0);

/** `share`: of traffic that the canary was meant to get, 0 to 1; 0 and 1 tell nothing. */
export function lookShare(state: ShareState, canary: number, baseline: number, share: number) {
  const next =
    share <= 0 || share >= 1
      ? state
      : state.map((wealth, i) => {
          const left = REMAINING[i]! * share;
          const canaryTerm = canary === 0 ? 0 : left === 0 ? -1e308 : canary * Math.log(left / share);
          return Math.max(-1e308, wealth + canaryTerm + baseline * Math.log((1 - left) / (1 - share)));
        });
  const top = Math.max(...next);
  const logWealth = top + Math.log(next.reduce((sum, wealth) => sum + Math.exp(wealth - top), 0) / next.length);
  return { state: next, logWealth };
}
