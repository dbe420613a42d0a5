import { withinBudget } from "../../lib/core/deadline.ts";
import { withProbes } from "../../lib/core/release/probes.ts";
import type { Probed, ReleaseRecord } from "../../lib/core/release/records.ts";
import type { SignalPort } from "../../lib/core/release/watch-ports.ts";
import { type AskPorts, askVersion } from "../runtime/ask-version.ts";
import { factsOf, type Log } from "../runtime/log.ts";

/** A look takes no longer for its probes. Milliseconds. */
const LIMIT_MS = 30_000;
const NONE = { asked: 0, failed: 0 };

/** Where the policy asks for probes, each look sends some to both versions: evidence where traffic is thin. */
export function withProbeRequests(signals: SignalPort, ports: AskPorts, log: Log): SignalPort {
  return {
    ...signals,
    async look(release, window, signal) {
      const judging = await signals.look(release, window, signal);
      const { probes, smokeTests } = release.policy;
      if (!probes || smokeTests.length === 0 || judging.verdict.kind === "rollback") return judging;
      return withProbes(judging, await probe(ports, release, probes.perLook, log), release);
    },
  };
}

/** Both versions side by side; what could not be asked counts for neither. */
async function probe(ports: AskPorts, release: ReleaseRecord, rounds: number, log: Log): Promise<Probed> {
  let probed = release.judging?.probed ?? { canary: NONE, baseline: NONE };
  try {
    await withinBudget(ports.clock, LIMIT_MS, async ({ signal }) => {
      for (let round = 0; round < rounds; round += 1) {
        const [canary, baseline] = await Promise.all([
          askVersion(ports, release, release.canaryVersion, probed.canary, signal),
          askVersion(ports, release, release.baselineVersion, probed.baseline, signal),
        ]);
        probed = { canary, baseline };
      }
    });
  } catch (error) {
    log.warn("not all probes could be sent", factsOf(error));
  }
  return probed;
}
