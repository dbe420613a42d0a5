import { describe, expect, it } from "vitest";
import { MemoryTable } from "../../bench/faults/memory-table.ts";
import { type Rollback, tryRollback } from "../../bench/faults/rollbacks.ts";
import type { Call, Fault } from "../../bench/faults/wire.ts";
import { createLedger } from "../../lib/adapters/ledger.ts";
import type { Answer } from "../../lib/adapters/options.ts";
import { describeLedgerPort } from "../contract-suites/ledger.ts";

describeLedgerPort("the ledger over a table in memory", async () => {
  const table = new MemoryTable();
  let nowMs = Date.parse("2026-03-02T12:00:00.000Z");
  const answer: Answer = async ({ command, input }) => {
    try {
      return table.call(command.replace(/Command$/, ""), input);
    } catch (error) {
      throw Object.assign(error as Error, { name: (error as { code?: string }).code ?? "Error" });
    }
  };
  const port = createLedger("ledger", { region: "us-east-1", answer }, () => new Date(nowMs));
  const advance = async (ms: number) => {
    nowMs += ms;
  };
  return { port, advance };
});

const references = new Map<Rollback, Promise<Call[]>>();

function callsOf(rollback: Rollback): Promise<Call[]> {
  const known = references.get(rollback) ?? tryRollback(rollback).then(({ calls }) => calls);
  references.set(rollback, known);
  return known;
}

/** Strikes at the last call of an operation, or at the first one after it. */
async function struck(rollback: Rollback, fault: Fault, service: string, operation: string) {
  const calls = await callsOf(rollback);
  const [name, key] = operation.split(" ");
  const isIt = (one: Call) => one.operation === name && JSON.stringify(one.input).includes(key ?? "");
  const call = calls.findLast((one) => one.service === service && isIt(one));
  if (!call) throw new Error(`${rollback} does not call ${service} ${operation}`);
  return tryRollback(rollback, { faults: [{ n: call.n, fault }], remembered: fault === "stale" ? calls : [] });
}

const CASES: [string, Rollback, Fault, string, string][] = [
  [
    "switches the flags off when the responder dies right after the stop",
    "responder-in-shift",
    "kill",
    "codedeploy",
    "StopDeployment",
  ],
  [
    "remembers the verdict when the responder dies right after the stop",
    "responder-on-verdict",
    "kill",
    "codedeploy",
    "StopDeployment",
  ],
  [
    "finishes flags, journal and books when the responder dies right after it has moved the alias",
    "responder-in-guard-time",
    "kill",
    "lambda",
    "UpdateAlias",
  ],
  [
    "tells people when the responder dies before it could",
    "responder-in-guard-time",
    "kill",
    "lambda",
    "GetFunctionConfiguration",
  ],
  [
    "tries a flag again whose change was throttled for all attempts",
    "responder-in-guard-time",
    "throttled-out",
    "appconfig",
    "StartDeployment",
  ],
  [
    "tries a flag again whose version could not be made",
    "responder-in-shift",
    "unavailable-out",
    "appconfig",
    "CreateHostedConfigurationVersion",
  ],
  [
    "believes no stale read of the alias that it has just moved",
    "responder-in-guard-time",
    "stale",
    "lambda",
    "GetAlias",
  ],
  ["closes the journal of a command that died", "command-in-guard-time", "kill", "lambda", "UpdateAlias"],
  [
    "closes the journal of a command that died in the shift",
    "command-in-shift",
    "kill",
    "codedeploy",
    "StopDeployment",
  ],
  [
    "does not take the version that is left for the last known good when the group cannot be read",
    "command-in-guard-time",
    "throttled-out",
    "codedeploy",
    "GetDeploymentGroup",
  ],
  ["believes no stale read in a command", "command-in-guard-time", "stale", "lambda", "GetAlias"],
  [
    "ends at the target although a group's command dies between record and journal",
    "group-command",
    "kill",
    "dynamodb",
    "UpdateItem environment",
  ],
];

describe("a rollback under a fault", () => {
  it.each(CASES)("%s", async (_, rollback, fault, service, operation) => {
    const trial = await struck(rollback, fault, service, operation);
    expect(trial.struck).toBe(1);
    expect(trial.problems).toEqual([]);
    expect(trial.duplicates).toEqual([]);
  });
});
