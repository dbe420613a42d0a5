import { Command, Option } from "commander";
import { DEFAULT_ALIAS } from "../lib/contract/names.ts";
import { GoaroundError } from "../lib/core/errors.ts";
import type { FreezeScope } from "../lib/core/release/freeze.ts";
import { endFreeze, freezeReleases } from "./cli/actions/guard-freeze.ts";
import { armGuard, disarmGuard, latchAlias, unlatchAlias } from "./cli/actions/guard-orders.ts";
import { allowStep, endGlass, endStep, openBreakGlass } from "./cli/actions/guard-permits.ts";
import { guardStatus } from "./cli/actions/guard-status.ts";
import { parseDuration } from "./cli/duration.ts";
import { type FunctionReference, ownFunction, parseFunctionName } from "./cli/function-name.ts";
import { type CliIo, processIo } from "./cli/io.ts";
import {
  type ActionForm,
  addCommonOptions,
  aliasOption,
  type CommonOptions,
  checkForm,
  collectNames,
  parseText,
} from "./cli/options.ts";
import { commandLine, isProgram, main, perform, type Result } from "./cli/run.ts";
import type { Session } from "./cli/session.ts";

interface GuardOptions extends CommonOptions {
  action: string;
  functionName?: FunctionReference;
  alias?: string;
  all?: boolean;
  id: string;
  scope?: FreezeScope;
  timeZone?: string;
  from?: string;
  until?: string;
  cron?: string;
  for: number;
  rules?: string[];
  step: string;
}

const FORMS: Record<string, ActionForm> = {
  status: { required: [], optional: ["functionName", "alias"] },
  freeze: {
    required: ["id", "reason"],
    optional: ["scope", "functionName", "timeZone", "from", "until", "cron", "for"],
  },
  unfreeze: { required: ["id", "reason"], optional: [] },
  "break-glass": { required: ["for", "reason"], optional: ["functionName", "all", "rules"] },
  "end-break-glass": { required: ["reason"], optional: ["functionName", "all"] },
  "allow-step": { required: ["step", "functionName", "reason"], optional: ["for"] },
  "end-allow-step": { required: ["step", "functionName", "reason"], optional: [] },
  disarm: { required: ["for", "reason"], optional: ["functionName", "all"] },
  arm: { required: ["reason"], optional: ["functionName", "all"] },
  latch: { required: ["functionName", "reason"], optional: ["alias"] },
  "release-latch": { required: ["functionName", "reason"], optional: ["alias"] },
};

export function command(io: CliIo = processIo, result: Result = { exitCode: 0 }): Command {
  const guard = new Command("guard")
    .description("Orders to the guard: freeze releases, let one through, arm and disarm, latch and release an alias.")
    .requiredOption("--action <action>", `one of: ${Object.keys(FORMS).join(", ")}`)
    .option("--function-name <name>", "only this function", parseFunctionName)
    .addOption(aliasOption())
    .option("--all", "all functions of the environment")
    .option("--id <name>", "name of a freeze, to end it by", parseText)
    .addOption(new Option("--scope <what>", "what is frozen (default: all)").choices(["code", "flags", "all"]))
    .option("--time-zone <name>", "of dates and cron (default: UTC), such as Europe/Berlin", parseText)
    .option("--from <date>", "2026-12-24 or 2026-12-24T18:00 (default: now)", parseText)
    .option("--until <date>", "when it ends (default: when somebody ends it)", parseText)
    .option("--cron <expression>", "when each freeze begins: minute hour day month weekday", parseText)
    .option("--for <duration>", "how long: 90m, 2h, 7d", parseDuration)
    .option("--rules <names...>", "refusals to override (default: every one that can be)", collectNames)
    .option("--step <name>", "a step that no rollback takes back, as the policy names it", parseText);
  addCommonOptions(guard);
  guard.addHelpText("after", HELP);
  guard.action(async (options: GuardOptions) => {
    const run = { verb: "guard", action: options.action, options, commandLine: commandLine(guard) };
    await perform(io, result, run, (session) => {
      checkForm(options.action, FORMS, guard);
      return act(session, options);
    });
  });
  return guard;
}

async function act(session: Session, given: GuardOptions) {
  const alias = given.alias ?? DEFAULT_ALIAS;
  const functionName = given.functionName && (await ownFunction(session, given.functionName));
  // Where an action needs it, its form has seen to it.
  const options = { ...given, functionName: functionName! };
  switch (options.action) {
    case "status":
      return guardStatus(session, { ...options, alias });
    case "freeze":
      return freezeReleases(session, options);
    case "unfreeze":
      return endFreeze(session, options);
    case "break-glass":
      return openBreakGlass(session, options);
    case "end-break-glass":
      return endGlass(session, options);
    case "allow-step":
      return allowStep(session, options);
    case "end-allow-step":
      return endStep(session, options);
    case "disarm":
      return disarmGuard(session, options);
    case "arm":
      return armGuard(session, options);
    case "latch":
      return latchAlias(session, { ...options, alias });
    case "release-latch":
      return unlatchAlias(session, { ...options, alias });
    default:
      throw new GoaroundError("defect", "defect", `action ${options.action} has a form and no work`);
  }
}

const HELP = `
Forms:
  --action status [--function-name NAME]
  --action freeze --id NAME --reason TEXT [--scope code|flags|all] [--function-name NAME] [--time-zone Europe/Berlin]
           [--from 2026-12-24] [--until 2026-12-27] | --cron "0 18 * * FRI" --for 62h | --for 4h
  --action unfreeze --id NAME --reason TEXT
  --action break-glass --function-name NAME|--all --for 1h --reason TEXT [--rules frozen cooldown …]
  --action end-break-glass --function-name NAME|--all --reason TEXT
  --action allow-step --function-name NAME --step NAME --reason TEXT [--for 2h]
  --action end-allow-step --function-name NAME --step NAME --reason TEXT
  --action disarm --function-name NAME|--all --for 2h --reason TEXT
  --action arm --function-name NAME|--all --reason TEXT
  --action latch --function-name NAME --reason TEXT
  --action release-latch --function-name NAME --reason TEXT

A freeze refuses releases; rollbacks and switching flags off go on. A disarmed guard decides, records and notifies, and
does not act. A step that no rollback takes back is let through by its name. A latched alias gets no release and no automatic rollback until a person releases it.

Exit codes: 0 done, 2 usage, 3 not confirmed, 4 function or alias missing, 6 conflict, 7 wrong identity, 8 AWS fault or throttling, 130 interrupted.`;

if (isProgram(import.meta.url)) process.exitCode = await main(command, process.argv.slice(2));
