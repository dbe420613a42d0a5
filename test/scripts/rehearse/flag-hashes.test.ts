import type { Command } from "commander";
import { afterEach, expect, it } from "vitest";
import { createFlags } from "../../../lib/adapters/flags.ts";
import { createLedger } from "../../../lib/adapters/ledger.ts";
import { type LocalAws, startLocalAws } from "../../../lib/local/index.ts";
import type { CliIo } from "../../../scripts/cli/io.ts";
import type { Result } from "../../../scripts/cli/run.ts";
import { command as doctor } from "../../../scripts/doctor.ts";
import { loadScenario, ownApp } from "../../../scripts/rehearse/library.ts";
import { Rehearsal } from "../../../scripts/rehearse/run-scenario.ts";
import { command as rollback } from "../../../scripts/rollback.ts";
import { adapterOptions } from "../../adapters/local-scene.ts";
import { LocalCommand } from "../local-run.ts";

const NAMES = { application: "goaround-dev", environment: "dev", profile: "flags" };
const PLACE = ["--application-id", "goaround-dev", "--environment-id", "dev", "--profile-id", "flags"];
const FLAG = "enable_new_api_endpoint";

let aws: LocalAws;
afterEach(() => aws.close());

it("flags that somebody changes past goaround are found beside those that the sample app's release ended well with", async () => {
  aws = await startLocalAws({ startMs: Date.parse("2026-03-02T12:00:00.000Z") });
  const options = { seed: 1, deployWith: "api" as const, app: ownApp("bin/app"), environment: "dev" };
  const rehearsal = new Rehearsal(aws, { ...loadScenario("healthy"), signals: "metrics" }, options);
  expect(await rehearsal.run()).toMatchObject({ outcome: "promoted" });
  const { functionName, stage } = rehearsal;
  const flags = createFlags(adapterOptions(aws));
  const target = await flags.resolve(NAMES);
  const run = async (make: (io: CliIo, result: Result) => Command, ...argv: string[]) => {
    const command = new LocalCommand(aws);
    const exitCode = await stage.advanceWhile(command.run(make, [...argv, "--json"]), async () => command.isSleeping());
    return { exitCode, document: command.ended(exitCode).json() };
  };
  const examine = async () => {
    const { document } = await run(doctor, "--functions", functionName);
    return (document.findings as { code: string; message: string; command: string }[]).filter(({ code }) =>
      code.startsWith("flag"),
    );
  };

  // The responder's own role has read it.
  const ledger = createLedger("goaround-dev-ledger", adapterOptions(aws), () => new Date(aws.clock.now()));
  const good = (await ledger.getAlias(functionName, "live"))?.lastKnownGood;
  const deployed = (await flags.deployed(target))!;
  expect(good?.flags).toMatchObject([{ profileId: "flags", version: deployed.version, ...deployed.hashes }]);
  expect(await examine()).toEqual([]);

  const document = deployed.document as { flags: Record<string, object>; values: Record<string, object> };
  const byHand = {
    ...document,
    flags: { ...document.flags, [FLAG]: { ...document.flags[FLAG], name: "renamed" } },
    values: { ...document.values, [FLAG]: { ...document.values[FLAG], enabled: true } },
  };
  const version = await flags.createVersion(target, byHand, "by hand");
  await flags.deploy(target, version, "goaround-dev-kill", "by hand");
  await aws.clock.advanceBy(120_000);
  const found = await examine();
  expect(found.map(({ code }) => code)).toEqual(["flags-changed", "flags-not-stack"]);
  expect(found[0]?.message).toContain('("by hand")');
  expect(found[0]?.message).toContain(`${FLAG} off → on`);
  expect(found[0]?.command).toContain(`--to-version ${good?.flags?.[0]?.version}`);
  expect(found[1]?.message).toContain(`${FLAG} (definition)`);

  const back = await run(rollback, ...found[0]!.command.split(" ").slice(2));
  expect(back).toMatchObject({ exitCode: 0, document: { compared: "as-recorded" } });
  expect(await examine()).toEqual([]);

  expect((await run(rollback, "--action", "rollback-flags", ...PLACE, "--flags", FLAG)).exitCode).toBe(0);
  expect(await examine()).toEqual([]);
}, 400_000);
