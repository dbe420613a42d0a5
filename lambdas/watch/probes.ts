import { withinBudget } from "../../lib/core/deadline.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import { withProbes } from "../../lib/core/release/probes.ts";
import type { Probed, ReleaseRecord } from "../../lib/core/release/records.ts";
import type { LookWindow } from "../../lib/core/release/shift.ts";
import type { SignalPort } from "../../lib/core/release/watch-ports.ts";
import type { SignalBooksPort } from "../../lib/core/signals/ports.ts";
import { type AskPorts, askVersion } from "../runtime/ask-version.ts";
import { leaveOut, noting } from "../runtime/own-requests.ts";

export interface ProbePorts extends AskPorts {
  books: Pick<SignalBooksPort, "leaveOut">;
}

/** A look takes no longer for its probes. Milliseconds. */
const LIMIT_MS = 30_000;
const NONE = { asked: 0, failed: 0 };

/**
 * Where the policy asks for probes, some are sent to both versions with each minute that has been looked at: evidence where
 * traffic is thin.
 */
export function withProbeRequests(signals: SignalPort, ports: ProbePorts, log: Log): SignalPort {
  return {
    ...signals,
    async look(release, window, signal) {
      const judging = await signals.look(release, window, signal);
      const { probes, smokeTests } = release.policy;
      if (!probes || smokeTests.length === 0 || judging.verdict.kind === "rollback") return judging;
      const probed = endsMinute(window) ? await probe(ports, release, probes.perLook, log) : release.judging?.probed;
      return probed ? withProbes(judging, probed, release) : judging;
    },
  };
}

const minuteOf = (at: Date) => Math.floor(at.getTime() / 60_000);
const endsMinute = ({ from, to }: LookWindow) => minuteOf(to) > minuteOf(from);

/** Both versions side by side; what could not be asked counts for neither. */
async function probe(ports: ProbePorts, release: ReleaseRecord, rounds: number, log: Log): Promise<Probed> {
  let probed = release.judging?.probed ?? { canary: NONE, baseline: NONE };
  try {
    await withinBudget(ports.clock, LIMIT_MS, async ({ signal }) => {
      for (let round = 0; round < rounds; round += 1) {
        const own: string[] = [];
        const asking = { clock: ports.clock, functions: noting(ports.functions, own) };
        try {
          const [canary, baseline] = await Promise.all([
            askVersion(asking, release, release.canaryVersion, probed.canary, signal),
            askVersion(asking, release, release.baselineVersion, probed.baseline, signal),
          ]);
          probed = { canary, baseline };
        } finally {
          await leaveOut(ports.books, release, own);
        }
      }
    });
  } catch (error) {
    log.warn("not all probes could be sent", factsOf(error));
  }
  return probed;
}
