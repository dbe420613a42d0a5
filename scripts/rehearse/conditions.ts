import { DEFAULT_ALIAS, guardFunctionName } from "../../lib/contract/names.ts";
import type { Behaviour, ReleaseStep, Scenario } from "../../lib/contract/scenario.ts";
import { functionModel } from "./model.ts";
import type { ReleaseMarks } from "./recorder.ts";
import type { Rehearsal } from "./run-scenario.ts";

/** How the versions behave from here on. */
export async function setBehaviours(
  rehearsal: Rehearsal,
  step: ReleaseStep,
  baselineVersion: string,
  watched: boolean,
): Promise<void> {
  const { scenario, account, aws, flags } = rehearsal;
  // What breaks for everyone breaks in the scenario's own releases: the earlier version comes in peace.
  const shared = watched ? scenario : { outages: [], flagEffects: [] };
  const set = (functionName: string, baseline: string, canary: Behaviour) =>
    aws.services.lambda.setModel(
      functionName,
      functionModel(
        shared,
        (version) => (Number(version) > Number(baseline) ? canary : scenario.baseline),
        (atMs) => rehearsal.sinceShift(atMs),
        (reader, flag) => flags.seenBy(reader, flag),
        (version) => Number(version) > Number(baseline),
      ),
    );
  set(rehearsal.functionName, baselineVersion, step.canary);
  for (const sibling of scenario.siblings) {
    const name = await account.functionNamed(sibling.function);
    set(name, (await account.alias(name, DEFAULT_ALIAS)).functionVersion, sibling.canary);
  }
}

/** Hooks and APIs fail as the scenario says. */
export function breakThings({ scenario, options, aws, stage }: Rehearsal): void {
  for (const fault of scenario.hookFaults) {
    aws.services.lambda.sabotage(guardFunctionName(options.environment, fault.hook), fault.kind);
  }
  for (const { fromSeconds, untilSeconds, ...rule } of scenario.apiFaults) {
    // Times count from the shift, which has not begun: the window opens now unless the scenario says later.
    const at = (seconds: number | undefined) => (seconds === undefined ? undefined : stage.now + seconds * 1000);
    aws.world.faults.inject({ ...rule, fromMs: at(fromSeconds), untilMs: at(untilSeconds) });
  }
}

/** The first moment at which the canary, or both versions, behave worse than agreed. */
export function faultAtMs(scenario: Scenario, step: ReleaseStep, marks: ReleaseMarks): number | undefined {
  if (marks.shiftStartMs === undefined) return undefined;
  const starts = [
    ...step.canary.phases.map((phase) => phase.fromSeconds ?? 0),
    ...scenario.outages.map((outage) => outage.fromSeconds),
    ...(scenario.flagEffects.length > 0 ? [0] : []),
  ];
  return starts.length === 0 ? undefined : marks.shiftStartMs + Math.max(0, Math.min(...starts)) * 1000;
}
