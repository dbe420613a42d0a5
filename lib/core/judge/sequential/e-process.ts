import { type Block, logHypergeometricSum } from "./null-law.ts";

/**
 * The mixture e-process: a bet against "no difference" whose expected value never grows while the version is harmless
 * (Ville 1939), so that 1/e is a p-value at any time. It decides where traffic is too thin for CES, because it can use
 * the configured weight and the successes (Turner, Ly and Grünwald 2024), and gives the evidence to show everywhere.
 */
export interface EProcessOptions {
  alpha: number;
  /** Share of traffic the canary is meant to get, 0 to 1. */
  share: number;
  /** Planned length of the shift, minutes: the bet on a late onset is spread over it. */
  plannedMinutes: number;
  /** Error rate of the function before the release: errors and invocations. A wrong one costs power, never validity. */
  history?: { errors: number; invocations: number };
  /** Blocks with fewer requests than this use the configured share. Default 50. */
  sparseBelow?: number;
  /** No rollback before this many canary errors. Default 2. */
  minErrors?: number;
}

/** Serialisable. */
export interface EProcessState {
  /** log of the wealth of each bet, without its prior weight; -1e308 stands for log 0. */
  logBets: number[];
  /** Shares of the start-time mixture that are in play, 0 to 1. */
  started: number;
  minutesStarted: number;
  maxLogWealth: number;
  canaryErrors: number;
}

export interface EProcessLook {
  state: EProcessState;
  logWealth: number;
  /** Valid at any time: min(1, exp(−max log wealth)). */
  pValue: number;
  rollback: boolean;
}

/** Odds ratios that are bet on, and their prior weights. */
const GRID = [1.5, 2, 4, 10, 30, 100, 1e3, 1e5];
const LOG_PRIOR = [0.12, 0.12, 0.12, 0.12, 0.12, 0.12, 0.12, 0.16].map(Math.log);
const FIRST_START = 0.7;
const LOG_ZERO = -1e308;

export const initialEProcess: EProcessState = {
  logBets: GRID.map(() => LOG_ZERO),
  started: 0,
  minutesStarted: 0,
  maxLogWealth: 0,
  canaryErrors: 0,
};

/** log of the sum of exponentials. */
function logSumExp(values: readonly number[]): number {
  let top = LOG_ZERO;
  for (const value of values) if (value > top) top = value;
  if (top <= LOG_ZERO) return LOG_ZERO;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - top);
  return top + Math.log(sum);
}

/** log E of one block for one odds ratio, given both request counts and the total of errors. */
export function conditionalLogE(block: Block, oddsRatio: number): number {
  return conditionalBet(block, logSum(block, 1), oddsRatio);
}

function logSum(block: Block, oddsRatio: number): number {
  const { canaryRequests, baselineRequests, canaryErrors, baselineErrors } = block;
  return logHypergeometricSum(canaryRequests, baselineRequests, canaryErrors + baselineErrors, oddsRatio);
}

/** `logNone` is the log of the sum for no difference, which all bets of a block share. */
const conditionalBet = (block: Block, logNone: number, oddsRatio: number) =>
  block.canaryErrors * Math.log(oddsRatio) - logSum(block, oddsRatio) + logNone;

/** log E of a sparse block: exact for any true error rate, with the configured share. */
export function sparseLogE(block: Block, oddsRatio: number, share: number, baselineRate: number): number {
  const odds = oddsRatio * baselineRate;
  const canaryRate = odds / (1 - baselineRate + odds);
  const pooled = share * canaryRate + (1 - share) * baselineRate;
  return (
    times(block.canaryErrors, canaryRate / pooled) +
    times(block.baselineErrors, baselineRate / pooled) +
    times(block.canaryRequests - block.canaryErrors, (1 - canaryRate) / (1 - pooled)) +
    times(block.baselineRequests - block.baselineErrors, (1 - baselineRate) / (1 - pooled))
  );
}

const times = (count: number, ratio: number) => (count === 0 ? 0 : count * Math.log(ratio));

function shareStarted(minutes: number, planned: number): number {
  if (minutes === 0) return 0;
  return planned === 1 ? FIRST_START : FIRST_START + ((1 - FIRST_START) * (minutes - 1)) / (planned - 1);
}

/** One look at `elapsedSeconds` since the shift began, with the block of data that is new since the last look. */
export function lookEProcess(
  state: EProcessState,
  block: Block,
  elapsedSeconds: number,
  options: EProcessOptions,
): EProcessLook {
  const requests = block.canaryRequests + block.baselineRequests;
  const sparse = requests < (options.sparseBelow ?? 50);
  const history = options.history ?? { errors: 0, invocations: 0 };
  const baselineRate = Math.min(0.2, Math.max(1e-3, (history.errors + 0.5) / (history.invocations + 1)));

  // A new bet is placed at the start of each minute, before the minute's data are seen.
  const planned = Math.max(1, Math.ceil(options.plannedMinutes));
  const minutesStarted = Math.max(state.minutesStarted, Math.min(planned, Math.max(1, Math.ceil(elapsedSeconds / 60))));
  const stake = Math.max(0, shareStarted(minutesStarted, planned) - shareStarted(state.minutesStarted, planned));
  const started = state.started + stake;
  const logStake = stake > 0 ? Math.log(stake) : LOG_ZERO;
  const errors = block.canaryErrors + block.baselineErrors;
  const comparable = errors > 0 && block.canaryRequests > 0 && block.baselineRequests > 0;
  const logNone = comparable && !sparse ? logSum(block, 1) : 0;
  const logBets: number[] = [];
  for (const [i, oddsRatio] of GRID.entries()) {
    const inPlay = stake > 0 ? logSumExp([state.logBets[i]!, logStake]) : state.logBets[i]!;
    if (requests === 0 || inPlay <= LOG_ZERO) logBets.push(inPlay);
    else if (sparse) logBets.push(inPlay + sparseLogE(block, oddsRatio, options.share, baselineRate));
    else logBets.push(comparable ? inPlay + conditionalBet(block, logNone, oddsRatio) : inPlay);
  }
  const reserve = 1 - started > 1e-12 ? Math.log(1 - started) : LOG_ZERO;
  const logWealth = logSumExp([...logBets.map((bet, i) => LOG_PRIOR[i]! + bet), reserve]);
  const maxLogWealth = Math.max(state.maxLogWealth, logWealth);
  const canaryErrors = state.canaryErrors + block.canaryErrors;
  return {
    state: { logBets, started, minutesStarted, maxLogWealth, canaryErrors },
    logWealth,
    pValue: Math.min(1, Math.exp(-maxLogWealth)),
    rollback: logWealth >= Math.log(1 / options.alpha) && canaryErrors >= (options.minErrors ?? 2),
  };
}
