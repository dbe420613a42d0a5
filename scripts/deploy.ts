import { Command, InvalidArgumentError } from "commander";
import { DEFAULT_ALIAS } from "../lib/contract/names.ts";
import { parseStages, type ReleaseStage } from "../lib/contract/stages.ts";
import { GoaroundError } from "../lib/core/errors.ts";
import { attendedRelease } from "./cli/actions/attended-release.ts";
import { deployFunction } from "./cli/actions/deploy-function.ts";
import { updateFlag } from "./cli/actions/flags.ts";
import { followRelease } from "./cli/actions/follow-release.ts";
import { type FunctionReference, ownFunction, parseFunctionName } from "./cli/function-name.ts";
import { type CliIo, processIo } from "./cli/io.ts";
import {
  type ActionForm,
  addCommonOptions,
  addFlagPlaceOptions,
  aliasOption,
  type CommonOptions,
  checkForm,
  fillFlagPlace,
  parseBoolean,
  parseDeploymentId,
  parseInteger,
  parseNumber,
  parseText,
  parseVersion,
} from "./cli/options.ts";
import { commandLine, isProgram, main, perform, type Result } from "./cli/run.ts";
import type { Session } from "./cli/session.ts";

interface Options extends CommonOptions {
  action?: string;
  functionName: FunctionReference;
  version: string;
  alias?: string;
  application?: string;
  deploymentGroup?: string;
  canaryPercentage?: number;
  canaryMinutes?: number;
  rollbackThreshold?: number;
  stages?: ReleaseStage[];
  detach?: boolean;
  deploymentId: string;
  applicationId: string;
  environmentId: string;
  profileId: string;
  flagName: string;
  enabled: boolean;
  strategy?: string;
}

const DEFAULT_ACTION = "release";
const DEFAULT_CANARY_MINUTES = 5;
/** First to last shift may take at most 2880 minutes (CodeDeploy user guide, limits, 2023). */
const MAX_CANARY_MINUTES = 2880;

const FORMS: Record<string, ActionForm> = {
  [DEFAULT_ACTION]: {
    required: ["functionName", "version"],
    optional: [
      "alias",
      "application",
      "deploymentGroup",
      "canaryPercentage",
      "canaryMinutes",
      "rollbackThreshold",
      "stages",
      "detach",
    ],
  },
  "update-flag": {
    required: ["applicationId", "environmentId", "profileId", "flagName", "enabled"],
    optional: ["strategy"],
  },
  follow: { required: ["deploymentId"], optional: [] },
};

export function command(io: CliIo = processIo, result: Result = { exitCode: 0 }): Command {
  const deploy = new Command("deploy")
    .description("Release a published version through CodeDeploy and follow it to its end; or set a feature flag.")
    .option("--action <action>", `one of: ${Object.keys(FORMS).join(", ")} (default: "${DEFAULT_ACTION}")`)
    .option("--function-name <name>", "function to release", parseFunctionName)
    .option("--version <number>", "published version to release", parseVersion)
    .addOption(aliasOption())
    .option("--application <name>", "CodeDeploy application (default: goaround-<environment>)", parseText)
    .option("--deployment-group <name>", "deployment group (default: <function>-deployment-group)", parseText)
    .option(
      "--canary-percentage <percent>",
      "traffic on the new version first, 1 to 100 (default: the group's)",
      (text) => parseInteger(text, 1, 100),
    )
    .option("--canary-minutes <minutes>", `how long (default: ${DEFAULT_CANARY_MINUTES})`, (text) =>
      parseInteger(text, 1, MAX_CANARY_MINUTES),
    )
    .option("--rollback-threshold <percent>", "errors on the new version that stop the release", (text) =>
      parseNumber(text, 0, 100),
    )
    .option(
      "--stages <percent:time,...>",
      "in stages of minutes or hours, driven by this command and not by CodeDeploy: 10:2h,50:4h,100",
      parseStagesOption,
    )
    .option("--detach", "release although CloudFormation owns the alias; it needs reconciling afterwards")
    .option("--deployment-id <id>", "deployment to follow", parseDeploymentId)
    .option("--flag-name <name>", "flag to set", parseText)
    .option("--enabled <true|false>", "what to set it to", parseBoolean)
    .option(
      "--strategy <name or id>",
      "AppConfig deployment strategy (default: gradual for on, at once for off)",
      parseText,
    );
  addFlagPlaceOptions(deploy);
  addCommonOptions(deploy);
  deploy.addHelpText("after", HELP);
  deploy.action(async (options: Options) => {
    const action = options.action ?? DEFAULT_ACTION;
    await perform(io, result, { verb: "deploy", action, options, commandLine: commandLine(deploy) }, (session) => {
      fillFlagPlace(deploy, io.env);
      checkForm(action, FORMS, deploy);
      return act(session, action, deploy.opts());
    });
  });
  return deploy;
}

async function act(session: Session, action: string, options: Options) {
  if (action === "update-flag") return updateFlag(session, options);
  if (action === "follow") {
    await session.ports.deployments.get(options.deploymentId);
    session.state = `deployment ${options.deploymentId} goes on by itself`;
    return followRelease(session, options.deploymentId);
  }
  const alias = options.alias ?? DEFAULT_ALIAS;
  const { stages, detach = false } = options;
  const functionName = await ownFunction(session, options.functionName);
  if (stages) {
    if (options.canaryPercentage !== undefined || options.canaryMinutes !== undefined) {
      throw new GoaroundError("usage", "operator", "--stages says the shares; it takes no --canary-… beside it", {
        advice: "See --help.",
      });
    }
    return attendedRelease(session, { ...options, functionName, stages, alias, detach });
  }
  return deployFunction(session, {
    ...options,
    functionName,
    alias,
    canaryMinutes: options.canaryMinutes ?? DEFAULT_CANARY_MINUTES,
    detach,
  });
}

function parseStagesOption(text: string): ReleaseStage[] {
  const parsed = parseStages(text);
  if (parsed.ok) return parsed.stages;
  throw new InvalidArgumentError(`${parsed.problems.join("; ")}.`);
}

const HELP = `
Forms:
  --function-name NAME --version N [--deployment-group G] --canary-percentage 10 --rollback-threshold 5 [--detach]
  --function-name NAME --version N --stages 10:2h,50:4h,100 [--rollback-threshold 5] [--detach]
  --action update-flag --application-id A --environment-id E --profile-id P --flag-name F --enabled true|false
  --action follow --deployment-id d-XXXXXXXXX

The threshold is percent errors on the new version: it is given to the guard's record of the release and to an alarm
that exists as long as the command runs.

With --stages the command itself gives the new version its shares and judges each stage before the next one; it must
run all the time. Cut off (Ctrl-C, a crash), the share stays as it is, and the same command goes on with the release.
On a terminal you are asked before anything changes (--yes: not).

Exit codes: 0 done, 1 rolled back or failed, 2 usage, 3 refused by a safety rule, 4 target missing, 5 partly done (run
it again), 6 conflict or in progress, 7 wrong identity, 8 AWS fault or throttling, 130 interrupted.`;

if (isProgram(import.meta.url)) process.exitCode = await main(command, process.argv.slice(2));
