/**
 * Kayenta's judge for one metric (spinnaker/kayenta at a69573b: NetflixACAJudge, MannWhitneyClassifier, MannWhitney):
 * Mann–Whitney with continuity correction and ties, a confidence level of 0.98, and "High" where the interval of the
 * shift lies above a quarter of the Hodges–Lehmann estimate.
 */
const Z = 2.3263478740408408;
const TOLERANCE = 0.25;

export function isHigh(experiment: readonly number[], control: readonly number[]): boolean {
  if (experiment.length === 0 || control.length === 0) return false;
  const least = Math.min(...experiment) - Math.max(...control);
  const most = Math.max(...experiment) - Math.min(...control);
  // The interval lies above 0 only where the shift of 0 is refuted, or at the ends that it cannot leave.
  if (least === most || (least <= 0 && standardised(experiment, control, 0) <= Z)) return false;
  const estimate = root(experiment, control, 0, least, most);
  const lower = standardised(experiment, control, least) <= Z ? least : root(experiment, control, Z, least, most);
  return lower > TOLERANCE * Math.abs(estimate);
}

/** The shift at which the statistic, which falls with it, passes `quantile`. */
function root(x: readonly number[], y: readonly number[], quantile: number, least: number, most: number): number {
  let [low, high] = [least, most];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (standardised(x, y, middle) > quantile) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The standardised rank sum of x − shift against y. */
function standardised(x: readonly number[], y: readonly number[], shift: number): number {
  const all = [
    ...x.map((value) => ({ value: value - shift, ours: true })),
    ...y.map((value) => ({ value, ours: false })),
  ];
  all.sort((a, b) => a.value - b.value);
  let rankSum = 0;
  let ties = 0;
  for (let i = 0; i < all.length; ) {
    let end = i;
    let ours = 0;
    while (end < all.length && all[end]!.value === all[i]!.value) if (all[end++]!.ours) ours++;
    const size = end - i;
    rankSum += ours * ((i + 1 + end) / 2);
    ties += size ** 3 - size;
    i = end;
  }
  const [n, m] = [x.length, y.length];
  const centred = rankSum - (n * (n + 1)) / 2 - (n * m) / 2;
  const variance = ((n * m) / 12) * (n + m + 1 - ties / ((n + m) * (n + m - 1)));
  return variance <= 0 ? 0 : (centred - 0.5 * Math.sign(centred)) / Math.sqrt(variance);
}
