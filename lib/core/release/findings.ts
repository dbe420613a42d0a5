import type { FlagReference } from "../../contract/policy.ts";

/** What a doctor can find wrong with an alias, its stack, its deployment group, its flags or its alarms. */
export const FINDING_CODES = [
  "not-examined",
  "staged-release",
  "alias-split",
  "residual-weights",
  "provisioned-concurrency-moving",
  "alias-not-appspec",
  "alias-not-template",
  "template-unreadable",
  "stack-stuck",
  "serving-known-bad",
  "missing-target",
  "rollback-unrecorded",
  "flags-not-code",
  "killed-flag-on",
  "flags-changed",
  "flag-version-not-recorded",
  "flags-not-stack",
  "hook-silent",
  "alarm-actions-disabled",
  "log-filter-left",
  "policy-invalid",
  "policy-not-template",
  "log-not-counted",
  "log-sampled",
] as const;
export type FindingCode = (typeof FINDING_CODES)[number];

/** What a repair does; each is safe to run twice. */
export type Repair =
  /** One write: all traffic to `version`, weights cleared. */
  | { do: "make-whole"; version: string }
  /** The stack records `version`, which serves already. */
  | { do: "reconcile-stack"; stackName: string; logicalId: string; version: string }
  /** The group gets a last successful revision that cannot bring a left version back. */
  | { do: "mark-revision"; application: string; group: string; from: string; version: string }
  | { do: "remember-good"; version: string }
  | { do: "record-rollback"; deploymentId: string; canaryVersion: string; version: string; isBad: boolean }
  | { do: "switch-flags-off"; reference: FlagReference; reason: string }
  | { do: "stop-deployment"; deploymentId: string }
  | { do: "enable-alarm-actions"; alarms: string[]; deploymentId: string }
  | { do: "remove-log-filter"; filters: LogFilter[] };

/** A subscription filter of the guard's. */
export interface LogFilter {
  logGroup: string;
  filterName: string;
}

export interface Finding {
  code: FindingCode;
  /** `broken`: something fails or is served wrongly because of it. `note`: a person should know. */
  severity: "broken" | "note";
  functionName: string;
  alias: string;
  /** What is, with figures. */
  message: string;
  /** Undefined: nothing that a program may decide. */
  repair: Repair | undefined;
  /** Paste it: the repair of this finding alone, or what a person can do. */
  command: string;
}

/** The command that repairs everything that is wrong with an alias so that its next release can begin. */
export const doctorCommand = (functionName: string, alias: string, only?: FindingCode): string =>
  `goaround doctor --functions ${functionName} --alias ${alias}${only === undefined ? "" : ` --only ${only}`} --repair`;

type Said = Pick<Finding, "code" | "severity" | "message"> & { repair?: Repair; command?: string };

/** A finding about the alias; its command is the doctor's own unless it has another. */
export function finding(
  { alias: { functionName, alias } }: { alias: { functionName: string; alias: string } },
  { command, repair, ...said }: Said,
): Finding {
  return { ...said, functionName, alias, repair, command: command ?? doctorCommand(functionName, alias, said.code) };
}
