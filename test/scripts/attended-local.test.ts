import { afterEach, beforeEach, expect, it } from "vitest";
import { command as deploy } from "../../scripts/deploy.ts";
import { command as doctor } from "../../scripts/doctor.ts";
import { DoctorScene, release } from "./doctor-scene.ts";

const FORM = ["--function-name", "orders", "--version", "2", "--stages", "10:4m,50:5m,100", "--detach", "--json"];
const DOCTOR = ["--functions", "orders", "--json"];

let scene: DoctorScene;
beforeEach(async () => {
  scene = await DoctorScene.start();
  await scene.call("lambda", "UpdateFunctionCode", {
    FunctionName: "orders",
    ZipFile: Buffer.from("UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==", "base64"),
  });
  await scene.pass(1000);
  await scene.call("lambda", "PublishVersion", { FunctionName: "orders" });
  await scene.pass(1000);
  scene.forget();
});
afterEach(() => scene.aws.close());

/** One request in five of version 2 fails from then on. */
function failsFrom(minutes: number): void {
  const from = scene.aws.clock.now() + minutes * 60_000;
  let requests = 0;
  scene.aws.services.lambda.setModel("orders", ({ version }) => {
    requests += 1;
    const isBad = version === "2" && scene.aws.clock.now() >= from && requests % 5 === 0;
    return { outcome: isBad ? "error" : "ok", durationMs: 20, response: null };
  });
}

it("releases in stages past CodeDeploy and CloudFormation, which doctor then reconciles for the next deploy", async () => {
  const ran = await scene.run(deploy, ...FORM);
  expect(ran.json()).toMatchObject({ ok: true, from: "1", to: "2", verdict: { kind: "promote" } });
  expect(scene.alias()).toEqual({ version: "2", weights: {} });
  expect(ran.stderr).toContain("CloudFormation stack app owns alias live");
  const found = (await scene.run(doctor, ...DOCTOR)).json().findings as { code: string }[];
  expect(found.map(({ code }) => code)).toEqual(["alias-not-template"]);
  expect((await scene.run(doctor, ...DOCTOR, "--repair")).exitCode).toBe(0);
  expect((await scene.deploy(release("C"))).status).toBe("UPDATE_COMPLETE");
  expect(scene.alias().version).not.toBe("2");
});

it("takes a version back that turns bad in its second stage", async () => {
  failsFrom(6);
  const ran = await scene.run(deploy, ...FORM);
  expect(ran.exitCode).toBe(1);
  expect(ran.json()).toMatchObject({ code: "rolled-back", alias: { functionVersion: "1", weights: {} } });
  expect(scene.alias()).toEqual({ version: "1", weights: {} });
  expect((await scene.run(doctor, ...DOCTOR)).json().findings).toEqual([]);
});

it("keeps its share after Ctrl-C, of which doctor tells, and goes on with the same command", async () => {
  const command = scene.command();
  const until = scene.aws.clock.now() + 120_000;
  const cut = await scene.drive(command, deploy, FORM, () => {
    if (scene.aws.clock.now() >= until) command.interrupt();
  });
  expect(cut.exitCode).toBe(130);
  expect(scene.alias()).toEqual({ version: "1", weights: { 2: 0.1 } });
  const examined = await scene.run(doctor, ...DOCTOR);
  const findings = examined.json().findings as { code: string; severity: string; message: string; repair?: unknown }[];
  expect(findings).toMatchObject([{ code: "staged-release", severity: "broken" }]);
  expect(findings[0]!.repair).toBeUndefined();
  expect(findings[0]!.message).toContain("--version 2 --stages 10:4m,50:5m,100");
  await scene.run(doctor, ...DOCTOR, "--repair");
  expect(scene.alias()).toEqual({ version: "1", weights: { 2: 0.1 } });
  expect((await scene.deploy(release("C"))).status).toBe("UPDATE_ROLLBACK_COMPLETE");
  expect(scene.alias()).toEqual({ version: "1", weights: { 2: 0.1 } });
  const ran = await scene.run(deploy, ...FORM);
  expect(ran.json()).toMatchObject({ ok: true, to: "2" });
});

it("lets one of two operators drive", async () => {
  const second = scene.command();
  let other: Promise<number> | undefined;
  const until = scene.aws.clock.now() + 120_000;
  const ran = await scene.drive(scene.command(), deploy, FORM, () => {
    if (scene.aws.clock.now() >= until) other ??= second.run(deploy, FORM);
  });
  expect(ran.exitCode).toBe(0);
  expect(await other).toBe(6);
});
