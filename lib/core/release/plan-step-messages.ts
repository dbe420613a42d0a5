import type { Notification } from "../ports.ts";
import type { ReleaseRecord } from "./records.ts";

interface StepsNews {
  environment: string;
  release: Pick<ReleaseRecord, "deploymentId" | "functionName" | "alias">;
  /** Steps after the release, or those that are taken back. */
  phase: "after" | "back";
  trouble: string;
}

/** Something that the team's own steps have left half done: only people know what to make of it. */
export function stepsNotification({ environment, release, phase, trouble }: StepsNews): Notification {
  const { deploymentId, functionName, alias } = release;
  const what =
    phase === "after"
      ? `The steps after release ${deploymentId} of ${functionName}:${alias} have not all been done.`
      : `Release ${deploymentId} of ${functionName}:${alias} does not stay, and its steps are not all taken back. Traffic is.`;
  const next =
    "Look into the log of the step's function, and put right by hand what it has left: the guard tries no more.";
  return {
    severity: "critical",
    subject: `${functionName}: steps ${phase === "after" ? "after a release" : "not taken back"} need you (${environment})`,
    lines: [what, `It needs a person: ${trouble}.`, `Next: ${next}`],
    data: { event: "steps", environment, deploymentId, functionName, alias, phase, trouble, next: [next] },
  };
}
