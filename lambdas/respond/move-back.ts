import { withinBudget } from "../../lib/core/deadline.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import { factsOf } from "../../lib/core/log.ts";
import type { AliasState } from "../../lib/core/ports.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { rollbackTargets, wantedTargets } from "../../lib/core/release/rollback-targets.ts";
import { runSmokeTests } from "../../lib/core/release/smoke.ts";
import { putAliasBack } from "./put-back.ts";
import type { Response } from "./responder.ts";
import { readStanding } from "./standing.ts";
import { takeStepsBack } from "./step-back.ts";

/** How long the alias waits for the smoke tests of a version that it may go back to. Milliseconds. */
const SMOKE_LIMIT_MS = 10_000;

export interface MoveBackOptions {
  /** Where CodeDeploy's own rollback has put the alias. */
  rolledBackTo?: string | undefined;
  /** Versions that users get now besides the one that is left: no smoke test says more of them. */
  serving?: readonly string[];
  /** Whatever the policy says of steps. */
  atOnce?: boolean;
}

/** To the best version that there is and that answers its smoke tests, before any traffic is moved. */
export async function moveBack(
  response: Response,
  release: ReleaseRecord,
  reason: string,
  { rolledBackTo, serving = [], atOnce = false }: MoveBackOptions = {},
): Promise<AliasState> {
  const { functions } = response.ports;
  const { functionName, baselineVersion } = release;
  const { record } = await readStanding(response, release);
  const found = await Promise.all(
    wantedTargets(release, record).map((version) => functions.getVersion(functionName, version)),
  );
  const versions = found.filter((info) => info !== undefined);
  const { candidates, rejected } = rollbackTargets(release, record, versions);
  for (const version of candidates) {
    try {
      return await putAliasBack(response, release, version, {
        reason,
        rolledBackTo,
        ...(serving.includes(version) ? {} : { checkTarget: () => smokeTest(response, release, version) }),
        ...(atOnce ? {} : { stepsBefore: () => takeStepsBack(response, release, version) }),
      });
    } catch (error) {
      if (!(error instanceof GoaroundError && error.code === "refused")) throw error;
      response.log.warn("not a version to go back to", { functionName, version, why: error.message });
      rejected.push({ version, why: error.message });
    }
  }
  const tried = rejected.map(({ version, why }) => `version ${version} ${why}`).join("; ");
  throw new GoaroundError("version-missing", "operator", tried || `version ${baselineVersion} is the only one known`);
}

/** Throws `refused` when the version surely does not work. What could not be found out keeps nobody from going back. */
export async function smokeTest(response: Response, release: ReleaseRecord, version: string): Promise<void> {
  const { ports, log } = response;
  let failures: Reason[] = [];
  try {
    failures = await withinBudget(ports.clock, SMOKE_LIMIT_MS, ({ signal }) =>
      runSmokeTests(release.policy.smokeTests, { ...ports, functionName: release.functionName, version, signal }),
    );
  } catch (error) {
    log.warn("the version to go back to could not be tested", { version, ...factsOf(error) });
  }
  if (failures.length > 0) throw new GoaroundError("refused", "operator", failures[0]!.message);
}
