import { Command } from "commander";
import { DEFAULT_ALIAS } from "../lib/contract/names.ts";
import { rollbackFlags } from "./cli/actions/flags.ts";
import { DEFAULT_HEALTH_MINUTES, healthCheck } from "./cli/actions/health.ts";
import { rollbackConfiguration } from "./cli/actions/rollback-configuration.ts";
import { rollbackFunction } from "./cli/actions/rollback-function.ts";
import { rollbackGroup } from "./cli/actions/rollback-group.ts";
import { stopDeployment } from "./cli/actions/stop-deployment.ts";
import {
  collectFunctions,
  type FunctionReference,
  ownFunction,
  ownFunctions,
  parseFunctionName,
} from "./cli/function-name.ts";
import { type CliIo, processIo } from "./cli/io.ts";
import {
  type ActionForm,
  addCommonOptions,
  addFlagPlaceOptions,
  aliasOption,
  type CommonOptions,
  checkForm,
  collectNames,
  fillFlagPlace,
  parseDeploymentId,
  parseInteger,
  parseText,
  parseVersion,
  requireAction,
} from "./cli/options.ts";
import { commandLine, isProgram, main, perform, type Result } from "./cli/run.ts";
import type { Session } from "./cli/session.ts";

interface RollbackOptions extends CommonOptions {
  action?: string;
  functionName: FunctionReference;
  targetVersion?: string;
  alias?: string;
  application?: string;
  deploymentGroup?: string;
  deploymentId: string;
  applicationId: string;
  environmentId: string;
  profileId: string;
  flags: string[];
  toVersion?: number;
  functions: FunctionReference[];
  group: string;
  minutes?: number;
  force?: boolean;
  withFlags?: boolean;
  stages?: boolean;
  atOnce?: boolean;
}

const FORMS: Record<string, ActionForm> = {
  "rollback-function": {
    summary: "alias back to the last known good version, or to the one named",
    required: ["functionName"],
    optional: ["targetVersion", "alias", "application", "deploymentGroup", "force", "withFlags", "stages", "atOnce"],
  },
  "stop-deployment": {
    summary: "stop a deployment with rollback and follow it until traffic is back",
    required: ["deploymentId"],
    optional: ["force"],
  },
  "rollback-flags": {
    summary: "switch flags off, now; they stay off until they are released",
    required: ["applicationId", "environmentId", "profileId", "flags"],
    optional: ["force"],
  },
  "rollback-configuration": {
    summary: "a whole flag configuration back to an earlier version",
    required: ["applicationId", "environmentId", "profileId"],
    optional: ["toVersion", "force"],
  },
  "rollback-group": {
    summary: "all functions of a release group back, and their flags off",
    required: ["group"],
    optional: [],
  },
  "health-check": {
    summary: "alias, alarms, errors and open deployments of functions; changes nothing",
    required: ["functions"],
    optional: ["alias", "minutes"],
  },
};

export function command(io: CliIo = processIo, result: Result = { exitCode: 0 }): Command {
  const rollback = new Command("rollback")
    .description(
      "Undo a release by hand: alias back, deployment stopped, flags off, a whole group; or check the health of functions.",
    )
    .option("--action <action>", `one of: ${Object.keys(FORMS).join(", ")}`)
    .option("--function-name <name>", "function whose alias goes back", parseFunctionName)
    .option("--target-version <number>", "version to go back to (default: the last known good)", parseVersion)
    .addOption(aliasOption())
    .option("--application <name>", "CodeDeploy application (default: goaround-<environment>)", parseText)
    .option("--deployment-group <name>", "deployment group (default: from the policy)", parseText)
    .option("--deployment-id <id>", "deployment to stop", parseDeploymentId)
    .option("--flags <names...>", "flags to switch off", collectNames)
    .option("--to-version <number>", "flag configuration to go back to (default: what was deployed before)", (text) =>
      parseInteger(text, 1, 1_000_000),
    )
    .option("--group <name>", "release group to put back", parseText)
    .option("--with-flags", "also switch off the flags that belong to the function's releases")
    .option("--stages", "go back in steps: 75, 50, 25, 0 % of the traffic on the version that is left")
    .option("--at-once", "in one step, although the policy asks for several")
    .option("--functions <names...>", "functions to check", collectFunctions)
    .option("--minutes <minutes>", `minutes to look back (default: ${DEFAULT_HEALTH_MINUTES})`, (text) =>
      parseInteger(text, 1, 1440),
    )
    .option("--force", "override a safety rule; rollback-function then needs --reason");
  addFlagPlaceOptions(rollback);
  addCommonOptions(rollback);
  rollback.addHelpText("after", HELP);
  rollback.action(async (options: RollbackOptions) => {
    const run = { verb: "rollback", action: options.action ?? "", options, commandLine: commandLine(rollback) };
    await perform(io, result, run, (session) => {
      const action = requireAction(options.action, FORMS);
      fillFlagPlace(rollback, io.env);
      checkForm(action, FORMS, rollback);
      return act(session, action, rollback.opts());
    });
  });
  return rollback;
}

async function act(session: Session, action: string, options: RollbackOptions) {
  const alias = options.alias ?? DEFAULT_ALIAS;
  const force = options.force ?? false;
  if (action === "rollback-function") {
    const functionName = await ownFunction(session, options.functionName);
    return rollbackFunction(session, { ...options, functionName, alias, force });
  }
  if (action === "stop-deployment") return stopDeployment(session, { ...options, force });
  if (action === "rollback-flags") return rollbackFlags(session, { ...options, force });
  if (action === "rollback-configuration") return rollbackConfiguration(session, { ...options, force });
  if (action === "rollback-group") return rollbackGroup(session, options);
  const functions = await ownFunctions(session, options.functions);
  return healthCheck(session, { functions, alias, minutes: options.minutes ?? DEFAULT_HEALTH_MINUTES });
}

const HELP = `
Forms:
  --action rollback-function --function-name NAME [--target-version N] [--alias live] [--with-flags]
    [--stages | --at-once] [--reason TEXT] [--force]
  --action stop-deployment --deployment-id d-XXXXXXXXX
  --action rollback-flags --application-id A --environment-id E --profile-id P --flags F1 F2
  --action rollback-configuration --application-id A --environment-id E --profile-id P [--to-version N] [--force]
  --action rollback-group --group NAME
  --action health-check --functions N1 N2

A (running) release of the function is stopped with rollback before its alias is touched. Without --target-version the
last known good of the ledger is taken. Applications, environments and profiles may be given by name or id.
On a terminal you are asked before anything changes (--yes: not); without a terminal nothing is asked.

Exit codes: 0 done, 1 unhealthy, 2 usage, 3 refused by a safety rule, 4 target missing, 5 partly done (run it again),
6 conflict or in progress, 7 wrong identity, 8 AWS fault or throttling, 130 interrupted.`;

if (isProgram(import.meta.url)) process.exitCode = await main(command, process.argv.slice(2));
