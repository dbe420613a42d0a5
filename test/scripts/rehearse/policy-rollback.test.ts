import { afterEach, expect, it } from "vitest";
import { createLedger } from "../../../lib/adapters/ledger.ts";
import { type LocalAws, startLocalAws } from "../../../lib/local/index.ts";
import { command as doctor } from "../../../scripts/doctor.ts";
import { command as policy } from "../../../scripts/policy.ts";
import { AssemblyDeployer } from "../../../scripts/rehearse/assembly-deployer.ts";
import { Assemblies } from "../../../scripts/rehearse/deployer.ts";
import { loadScenario, ownApp } from "../../../scripts/rehearse/library.ts";
import { Rehearsal } from "../../../scripts/rehearse/run-scenario.ts";
import { adapterOptions } from "../../adapters/local-scene.ts";
import { LocalCommand } from "../local-run.ts";

let aws: LocalAws;
afterEach(() => aws.close());

it("the sample app's next release begins with the policy that was put back, and the template's comes with its next change", async () => {
  aws = await startLocalAws({ startMs: Date.parse("2026-03-02T12:00:00.000Z") });
  const app = ownApp("bin/app");
  const options = { seed: 1, deployWith: "api" as const, app, environment: "dev" };
  const rehearsal = new Rehearsal(aws, { ...loadScenario("healthy"), signals: "metrics" }, options);
  await rehearsal.install();
  const { functionName, stage, account } = rehearsal;
  const deployer = new AssemblyDeployer(aws, new Assemblies(app, aws.environment));
  const ledger = createLedger("goaround-dev-ledger", adapterOptions(aws), () => new Date(aws.clock.now()));
  const stacks = [await account.stackOf(functionName)];

  /** Releases an artifact from a template with this error threshold; answers what the release was judged by, percent. */
  const release = async (artifact: string, deployment_error_threshold: string) => {
    const context = {
      env: "dev",
      signal_source: "metrics",
      [`release:${functionName}`]: artifact,
      deployment_error_threshold,
    };
    const { ok, output } = await stage.advanceWhile(deployer.deploy({ context, stacks }), () =>
      account.stacksInProgress(),
    );
    expect(output).toBe("");
    expect(ok).toBe(true);
    const [newest] = (await ledger.getAlias(functionName, "live"))?.releases ?? [];
    return (await ledger.getRelease(newest!.deploymentId))?.policy.checks.maxErrorRatePercent;
  };
  const run = async (make: typeof policy, ...argv: string[]) => {
    const command = new LocalCommand(aws);
    const exitCode = await stage.advanceWhile(command.run(make, [...argv, "--json"]), async () => command.isSleeping());
    return { exitCode, document: command.ended(exitCode).json() };
  };
  const inForce = async () => ((await run(policy, "show", functionName)).document.policy as { checks: object }).checks;

  expect(await release("one", "9")).toBe(9);
  const back = await run(policy, "rollback", functionName, "--reason", "too lax");
  expect(back).toMatchObject({ exitCode: 0, document: { from: 2, to: 1, recorded: true } });
  expect(await inForce()).toMatchObject({ maxErrorRatePercent: 5 });

  const found = await run(doctor, "--functions", functionName);
  expect(found).toMatchObject({
    exitCode: 0,
    document: {
      findings: [{ code: "policy-not-template", message: expect.stringContaining("maxErrorRatePercent: 9 → 5") }],
    },
  });
  expect(await release("two", "9")).toBe(5);
  expect(await inForce()).toMatchObject({ maxErrorRatePercent: 5 });
  expect(await release("three", "8")).toBe(8);
  expect((await run(doctor, "--functions", functionName)).document).toMatchObject({ findings: [] });
}, 400_000);
