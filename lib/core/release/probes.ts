import { type Asked, chanceOf } from "./attribution.ts";
import type { Judging, Probed, ReleaseRecord } from "./records.ts";

/** Chance at one look that probes take a harmless version for bad; a shift of ten looks stays under one percent. */
const CHANCE_A_LOOK = 0.001;

/**
 * The verdict of a look with what probes have shown so far. They are no traffic: they count for themselves, both versions
 * get the same, and they can only speak against the canary. That they went well is a finding beside an open verdict.
 */
export function withProbes(
  judging: Judging,
  probed: Probed,
  { canaryVersion, baselineVersion }: Pick<ReleaseRecord, "canaryVersion" | "baselineVersion">,
): Judging {
  const { canary, baseline } = probed;
  const { verdict } = judging;
  if (canary.asked === 0 || verdict.kind === "rollback") return { ...judging, probed };
  const isWorse = chanceOf(canary.failed, canary.failed + baseline.failed) <= CHANCE_A_LOOK;
  const reason = {
    code: isWorse ? "probes-fail" : "probed",
    message: `of ${canary.asked} probes with the smoke payloads version ${canaryVersion} failed ${canary.failed}, version ${baselineVersion} ${baseline.failed}`,
    observed: percent(canary),
    limit: null,
    baseline: percent(baseline),
    samples: canary.asked,
  };
  if (isWorse) return { ...judging, probed, verdict: { ...verdict, kind: "rollback", reasons: [reason] } };
  if (verdict.kind === "promote") return { ...judging, probed };
  return { ...judging, probed, verdict: { ...verdict, findings: [...verdict.findings, reason] } };
}

const percent = ({ asked, failed }: Asked) => (100 * failed) / asked;
