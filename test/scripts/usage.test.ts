import { describe, expect, it } from "vitest";
import { command as deploy } from "../../scripts/deploy.ts";
import { command as goaround, VERBS } from "../../scripts/goaround.ts";
import { command as rollback } from "../../scripts/rollback.ts";
import { Harness } from "./harness.ts";

const WRONG: [string, typeof rollback, string[], string][] = [
  ["no action", rollback, [], "  stop-deployment         stop a deployment with rollback"],
  ["an unknown action", rollback, ["--action", "rollback-fnction"], "Did you mean rollback-function?"],
  ["an unknown option", rollback, ["--action", "health-check", "--function", "x"], "--function"],
  ["no function", rollback, ["--action", "rollback-function"], "it needs --function-name"],
  ["no deployment id", rollback, ["--action", "stop-deployment"], "it needs --deployment-id"],
  ["no functions", rollback, ["--action", "health-check"], "it needs --functions"],
  [
    "several things missing at once",
    rollback,
    ["--action", "rollback-flags"],
    "it needs --application-id, --environment-id, --profile-id, --flags",
  ],
  [
    "an option of another action",
    rollback,
    ["--action", "stop-deployment", "--deployment-id", "d-ABC123DEF", "--flags", "x"],
    "it does not take --flags",
  ],
  [
    "a version that is no number",
    rollback,
    ["--action", "rollback-function", "--function-name", "f", "--target-version", "$LATEST"],
    "must be the number of a published version",
  ],
  [
    "a deployment id of the wrong form",
    rollback,
    ["--action", "stop-deployment", "--deployment-id", "4711"],
    "must look like d-ABCDEF123",
  ],
  [
    "an endpoint that is no URL",
    rollback,
    ["--action", "health-check", "--functions", "f", "--endpoint-url", "x"],
    "URL",
  ],
  [
    "a surplus word",
    rollback,
    ["--action", "health-check", "--functions", "f", "--json", "surplus"],
    "Not understood: surplus",
  ],
  ["no version", deploy, ["--function-name", "f"], "it needs --version"],
  ["nothing", deploy, [], "it needs --function-name, --version"],
  ["half a percent", deploy, ["--function-name", "f", "--version", "2", "--canary-percentage", "0.5"], "1 to 100"],
  ["too many percent", deploy, ["--function-name", "f", "--version", "2", "--rollback-threshold", "101"], "0 to 100"],
  ["an unknown deploy action", deploy, ["--action", "update-flags"], "Did you mean update-flag?"],
  ["an unknown verb", goaround, ["rolback"], "rollback"],
];

describe("usage", () => {
  for (const [what, make, argv, message] of WRONG) {
    it(`exits 2 for ${what} and says what is wrong`, async () => {
      const harness = new Harness();
      const ran = await harness.run(make, ...argv);
      expect(ran.exitCode).toBe(2);
      expect(ran.stdout + ran.stderr).toContain(message);
    });
  }

  it("prints usage errors as one JSON document with --json", async () => {
    for (const argv of [["--json"], ["--json", "--action", "stop-deployment"], ["--json", "--nonsense"]]) {
      const ran = await new Harness().run(rollback, ...argv);
      expect(ran.json()).toMatchObject({ ok: false, code: "usage", exitCode: 2 });
    }
  });

  it("calls nothing when the usage is wrong", async () => {
    const harness = new Harness();
    await harness.run(rollback, "--action", "stop-deployment", "--deployment-id", "d-ABC123DEF", "--flags", "x");
    expect(harness.ports.deployments.calls.log).toEqual([]);
  });

  it("tells all forms and exit codes in --help, on stdout, with exit 0", async () => {
    for (const make of [rollback, deploy]) {
      const ran = await new Harness().run(make, "--help");
      expect(ran.exitCode).toBe(0);
      for (const option of ["--json", "--dry-run", "--yes", "--profile", "--region", "--endpoint-url"]) {
        expect(ran.stdout).toContain(option);
      }
      expect(ran.stdout).toContain("Exit codes:");
    }
  });

  it("lists all verbs", async () => {
    const ran = await new Harness().run(goaround, "--help");
    for (const verb of Object.keys(VERBS)) expect(ran.stdout).toContain(verb);
  });

  it("hands a verb's words on unchanged", async () => {
    const harness = new Harness();
    harness.guarded("checkout", "3");
    const ran = await harness.run(
      goaround,
      "rollback",
      "--action",
      "health-check",
      "--functions",
      "checkout",
      "--json",
    );
    expect(ran.json()).toMatchObject({ verb: "rollback", action: "health-check", exitCode: 0 });
    const help = await harness.run(goaround, "deploy", "--help");
    expect(help.stdout).toContain("--canary-percentage");
  });

  it("gives profile, region, endpoint and environment to the adapters", async () => {
    const harness = new Harness();
    harness.env.GOAROUND_ENVIRONMENT = "staging";
    const argv = ["--action", "health-check", "--functions", "f"];
    const where = ["--profile", "ops", "--region", "eu-west-1", "--endpoint-url", "http://127.0.0.1:4566"];
    await harness.run(rollback, ...argv, ...where);
    await harness.run(rollback, ...argv, "--environment", "prod");
    expect(harness.connectedWith).toMatchObject([
      {
        environment: "staging",
        actor: "rollback",
        profile: "ops",
        region: "eu-west-1",
        endpoint: "http://127.0.0.1:4566",
      },
      { environment: "prod", actor: "rollback" },
    ]);
  });
});

describe("help", () => {
  it.each([
    ["goaround", goaround, "Usage: goaround [options]"],
    ["rollback", rollback, "Usage: goaround rollback [options]"],
    ["deploy", deploy, "Usage: goaround deploy [options]"],
  ])("of %s says how it is called", async (_, command, usage) => {
    expect((await new Harness().run(command, "--help")).stdout).toContain(usage);
  });
});
