import { doctorCommand } from "../../../lib/core/release/findings.ts";

/**
 * What a person must know who has moved an alias that CloudFormation also believes to own. CloudFormation compares a
 * new template with its last one, not with the alias, and CodeDeploy refuses a release whose current version is not the
 * alias's (INVALID_LAMBDA_CONFIGURATION) [inferred from reports, 2026].
 */
export const reconcileNote = (
  stackName: string,
  functionName: string,
  alias: string,
  liveVersion: string,
  recordedVersion?: string,
): string =>
  `CloudFormation stack ${stackName} owns alias ${alias} of ${functionName} and ` +
  (recordedVersion === undefined ? "may still record another version" : `records version ${recordedVersion}`) +
  `${recordedVersion === undefined ? " than" : ", not"} ${liveVersion}: its next \`cdk deploy\` then fails before any traffic. Before it, run: ` +
  `${doctorCommand(functionName, alias)}. ` +
  "Do not use `cdk deploy --revert-drift` with the old template: it would bring the other version back.";
