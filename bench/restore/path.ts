import { guardFunctionName } from "../../lib/contract/names.ts";
import { startLocalAws } from "../../lib/local/index.ts";
import type { Assemblies } from "../../scripts/rehearse/deployer.ts";
import { ownApp } from "../../scripts/rehearse/library.ts";
import { nextWholeMinute, Rehearsal } from "../../scripts/rehearse/run-scenario.ts";
import { GUARDS, ONSET, scenarioOf, stepOf } from "../watch/jobs.ts";
import { newArtifact } from "../watch/new-artifact.ts";
import { withPolicy } from "../watch/with-policy.ts";

/** AWS takes about this long for a control-plane call [assumed]. Milliseconds. */
export const CALL_MS = 100;
const ENVIRONMENT = "dev";
const ACTORS = ["watch", "respond"] as const;

/** A call of the watch or the responder; times in milliseconds since the first that is told. */
export interface TimedCall {
  who: (typeof ACTORS)[number];
  call: string;
  fromMs: number;
  toMs: number;
}

/**
 * The calls of one rollback, from the reading of the log that showed the fault until the alias has no weights; each call
 * takes 100 ms of virtual time, and computing none.
 */
export async function callsOfRollback(seed: number): Promise<TimedCall[]> {
  const scenario = scenarioOf(ONSET);
  const aws = await startLocalAws({ port: 0, seed, startMs: nextWholeMinute() });
  const assemblies = new Map<string, Assemblies>();
  let releases = 0;
  const template = (text: string) =>
    withPolicy(newArtifact(text, scenario.releases[0]!.artifact, `n${releases}`), GUARDS["logs, own clearing"]);
  const calls: TimedCall[] = [];
  const { world } = aws;
  const call = world.call.bind(world);
  world.call = async <Output>(...args: Parameters<typeof call>) => {
    const [service, operation, , { arn }] = args;
    const who = ACTORS.find((name) => arn.endsWith(`/${guardFunctionName(ENVIRONMENT, name)}`));
    const fromMs = world.clock.now();
    const output = await call<Output>(...args);
    if (who) calls.push({ who, call: `${service} ${operation}`, fromMs, toMs: world.clock.now() });
    return output;
  };
  try {
    const options = { app: ownApp("bin/app"), environment: ENVIRONMENT, assemblies, seed, template };
    const rehearsal = new Rehearsal(aws, scenario, { ...options, deployWith: "api" });
    await rehearsal.install();
    await rehearsal.release({ artifact: "earlier", canary: scenario.baseline, expected: "promoted" }, false);
    releases += 1;
    calls.length = 0;
    for (const name of ACTORS) {
      const principal = `/${guardFunctionName(ENVIRONMENT, name)}`;
      world.faults.inject({ service: "*", operation: "*", kind: "latency", latencyMs: CALL_MS, principal });
    }
    await rehearsal.release(stepOf(scenario, seed), true);
  } finally {
    await aws.close();
    for (const assembly of assemblies.values()) assembly.dispose();
  }
  return ofRollback(calls);
}

function ofRollback(calls: readonly TimedCall[]): TimedCall[] {
  const asked = calls.find((one) => one.who === "watch" && one.call === "lambda Invoke");
  const cleared = calls.find((one) => one.who === "respond" && one.call === "lambda UpdateAlias");
  if (!asked || !cleared) throw new Error("the rollback was not seen");
  // The watch asks what the log tells, and looks at what it then reads.
  const reads = calls.filter((one) => one.call === "dynamodb Query" && one.toMs <= asked.fromMs).slice(-2);
  const startMs = Math.min(...reads.map(({ fromMs }) => fromMs));
  return calls
    .filter(({ fromMs, toMs }) => fromMs >= startMs && toMs <= cleared.toMs)
    .map((one) => ({ ...one, fromMs: one.fromMs - startMs, toMs: one.toMs - startMs }))
    .sort((a, b) => a.fromMs - b.fromMs || (a.who < b.who ? 1 : -1));
}
