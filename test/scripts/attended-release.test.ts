import { describe, expect, it } from "vitest";
import { flagHashes } from "../../lib/adapters/flag-hashes.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { withOpened } from "../../lib/core/release/alias-history.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { command as deploy } from "../../scripts/deploy.ts";
import { command as doctor } from "../../scripts/doctor.ts";
import { command as rollback } from "../../scripts/rollback.ts";
import { throttled } from "../fakes/faults.ts";
import { flagDocument } from "../fakes/flags.ts";
import { counts } from "../fakes/monitoring.ts";
import { Harness } from "./harness.ts";

const FORM = ["--function-name", "checkout", "--version", "4"];
const SHORT = [...FORM, "--stages", "10:10m,50:15m,100", "--json"];
const ROLLBACK = ["--action", "rollback-function", "--function-name", "checkout", "--json"];
const MINUTE_MS = 60_000;

/** 600 requests a minute, by the shares that the release has been given; percent of errors on the canary by minute. */
function ready(errors: (minute: number) => number = () => 0.5, policy: Record<string, unknown> = {}): Harness {
  const harness = new Harness();
  harness.guarded("checkout", "3", policy);
  harness.known("checkout", "3");
  const { monitoring, clock } = harness.ports;
  const start = clock.now().getTime();
  monitoring.perMinute = ({ version, minute }) => {
    const steps = releaseOf(harness)?.staged?.steps ?? [];
    const share = (steps.findLast(({ at }) => Date.parse(at) <= minute.getTime())?.percent ?? 0) / 100;
    const requests = Math.round(600 * (version === "4" ? share : 1 - share));
    return counts(requests, version === "4" ? errors((minute.getTime() - start) / MINUTE_MS) : 0.5);
  };
  return harness;
}

const releaseOf = (harness: Harness): ReleaseRecord | undefined =>
  [...harness.ports.ledger.releases.values()].findLast(({ attended }) => attended !== undefined);

/** Shares that were written, in order: a number is a split, a text the version that got everything. */
const shares = ({ ports }: Harness) =>
  ports.functions.calls.log.flatMap(({ operation, input }): (number | string)[] => {
    if (operation === "splitAlias") return [(input as { share: number }).share];
    return operation === "moveAlias" ? [(input as { version: string }).version] : [];
  });

/** The history of the alias as the ledger has it. */
const historyOf = ({ ports }: Harness) => ports.ledger.aliases.get("checkout:live")!.releases!;

/** Lets `act` happen once, when so many minutes have passed. */
function later({ ports }: Harness, minutes: number, act: () => unknown): void {
  void ports.clock.sleep(minutes * MINUTE_MS).then(act);
}

describe("a staged release that a command drives", () => {
  it("gives each share for its hours, and marks the version known good at the end", async () => {
    const harness = ready();
    const startedAt = harness.ports.clock.now().getTime();
    const ran = await harness.run(deploy, ...FORM, "--stages", "10:1h,50:2h,100", "--json");
    expect(ran.exitCode).toBe(0);
    expect(shares(harness)).toEqual([0.1, 0.5, "4"]);
    const minutes = (harness.ports.clock.now().getTime() - startedAt) / MINUTE_MS;
    expect(minutes).toBeGreaterThan(180);
    expect(minutes).toBeLessThan(190);
    const { releaseId } = ran.json() as { releaseId: string };
    expect(ran.json()).toMatchObject({
      ok: true,
      from: "3",
      to: "4",
      alias: { functionVersion: "4", weights: {} },
      stages: [{ percent: 10 }, { percent: 50 }, { percent: 100 }],
      verdict: { kind: "promote" },
    });
    expect(harness.ports.ledger.aliases.get("checkout:live")).toMatchObject({
      lastKnownGood: { version: "4", deploymentId: releaseId },
      lastReleaseId: releaseId,
      releases: [{ deploymentId: releaseId, outcome: "promoted" }],
    });
    expect(releaseOf(harness)).toMatchObject({ outcome: "promoted", closedAt: expect.any(String) });
  });

  it("remembers the flag content that it ended well with", async () => {
    const flags = [{ applicationId: "flags", environmentId: "dev", profileId: "router", flags: ["new_api"] }];
    const harness = ready(undefined, { flags });
    harness.ports.flags.given({ new_api: true });
    expect((await harness.run(deploy, ...SHORT)).exitCode).toBe(0);
    const recorded = { profileId: "router", version: 1, ...flagHashes(flagDocument({ new_api: true })) };
    expect(harness.ports.ledger.aliases.get("checkout:live")?.lastKnownGood?.flags).toMatchObject([recorded]);
  });

  it("tells on stderr what happens when, and why a stage may go on", async () => {
    const harness = ready();
    const { stderr } = await harness.run(deploy, ...SHORT);
    expect(stderr).toMatch(/\d\d:\d\d:\d\d 10 % on version 4, until 2026-03-02T12:10Z/);
    expect(stderr).toMatch(/go: \d+ requests judged at 10 %, the judge says promote/);
    expect(stderr).toMatch(/\d\d:\d\d:\d\d 100 % on version 4/);
  });

  it("takes the share back when the version turns bad in the second stage, and refuses it from then on", async () => {
    const harness = ready((minute) => (minute > 15 ? 20 : 0.5));
    const ran = await harness.run(deploy, ...SHORT);
    expect(ran.exitCode).toBe(1);
    expect(shares(harness)).toEqual([0.1, 0.5, "3"]);
    expect(ran.json()).toMatchObject({ code: "rolled-back", verdict: { kind: "rollback" }, recorded: true });
    const { ledger } = harness.ports;
    expect(ledger.rollbacks.get("checkout:live")).toMatchObject({ version: "3", result: { outcome: "restored" } });
    const alias = ledger.aliases.get("checkout:live")!;
    expect(alias.knownBad["sha-4/config-4"]).toMatchObject({
      version: "4",
      deploymentId: releaseOf(harness)!.deploymentId,
    });
    expect(alias.lastKnownGood?.version).toBe("3");
    // Guard time goes on for what serves.
    expect(alias.lastReleaseId).not.toBe(releaseOf(harness)!.deploymentId);
    expect(alias.rollbacks).toMatchObject([{ automatic: true, to: "3", left: ["4"] }]);
    expect(releaseOf(harness)).toMatchObject({ outcome: "rolled-back", verdict: { kind: "rollback" } });
    harness.ports.clock.advance(10 * MINUTE_MS);
    const again = await harness.run(deploy, ...SHORT);
    expect(again.exitCode).toBe(3);
    expect(again.json().message).toContain("has the code and configuration of version 4");
  });

  it("puts past events to both versions before it begins, and refuses one that only the new version fails", async () => {
    const harness = ready(() => 0.5, { replay: { deadLetters: [{ queue: "orders-dead", holds: "events" }] } });
    harness.ports.deadLetters.given("orders-dead", '{"order":1}');
    const rehearsed = await harness.run(deploy, ...SHORT, "--dry-run");
    expect([rehearsed.exitCode, harness.ports.functions.calls.of("invoke")]).toEqual([0, []]);
    harness.ports.functions.respond = ({ qualifier }) => (qualifier === "4" ? { functionError: "Unhandled" } : {});
    const ran = await harness.run(deploy, ...SHORT);
    expect(ran.exitCode).toBe(3);
    expect(ran.json().message).toMatch(/version 4 fails the message message-1 of orders-dead/);
    expect(shares(harness)).toEqual([]);
  });

  it("is refused where the policy has steps of its own, which run beside a deployment only", async () => {
    const step = { name: "expand", function: "run-expand", compensation: "undo-expand" };
    const harness = ready(() => 0.5, { steps: { before: [step] } });
    const ran = await harness.run(deploy, ...SHORT);
    expect(ran.exitCode).toBe(3);
    expect(ran.json().message).toContain("the policy has steps before or after a release");
    expect(harness.ports.functions.calls.of("invoke")).toEqual([]);
  });

  it("takes it back although the ledger stops answering with the verdict", async () => {
    const harness = ready((minute) => (minute > 3 ? 30 : 0.5));
    const { ledger, monitoring } = harness.ports;
    const counted = monitoring.perMinute;
    monitoring.perMinute = (side) => {
      if (side.minute.getTime() >= Date.parse("2026-03-02T12:04:00Z")) ledger.calls.fail("updateRelease", throttled());
      return counted(side);
    };
    const ran = await harness.run(deploy, ...SHORT);
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
    expect(ran.exitCode).toBe(5);
  });

  it.each(["fail", "hang"] as const)(
    "judges on while reads of the ledger %s, and takes a bad version back",
    async (how) => {
      const harness = ready((minute) => (minute > 3 ? 30 : 0.5));
      const { ledger, clock, functions } = harness.ports;
      const startedAt = clock.now().getTime();
      let isSilent = false;
      const read = ledger.getRelease.bind(ledger);
      const silence = () => (how === "fail" ? Promise.reject(throttled()) : new Promise<never>(() => undefined));
      ledger.getRelease = (id) => (isSilent ? silence() : read(id));
      later(harness, 3, () => {
        isSilent = true;
      });
      let backAfterMinutes = 0;
      const move = functions.moveAlias.bind(functions);
      functions.moveAlias = (to) => {
        backAfterMinutes = (clock.now().getTime() - startedAt) / MINUTE_MS;
        isSilent = false;
        return move(to);
      };
      await harness.run(deploy, ...SHORT);
      expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
      expect(backAfterMinutes).toBeLessThan(9);
    },
  );

  it("gives no more traffic while the ledger does not say whose the release is", async () => {
    const harness = ready();
    const { ledger } = harness.ports;
    later(harness, 5, () => ledger.calls.fail("getRelease", throttled()));
    later(harness, 40, () => harness.interrupt());
    await harness.run(deploy, ...SHORT);
    expect(shares(harness)).toEqual([0.1]);
  });

  it("keeps the share after Ctrl-C, says what stands, and goes on where it was with the same command", async () => {
    const harness = ready();
    later(harness, 4, () => harness.interrupt());
    const cut = await harness.run(deploy, ...SHORT);
    expect(cut.exitCode).toBe(130);
    expect(cut.json().message).toContain("version 4 has 10 % of the traffic of checkout:live");
    expect(cut.json().advice).toContain("the same command again");
    expect(cut.json().advice).toContain("--action rollback-function --function-name checkout");
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: { 4: 0.1 } });
    const id = releaseOf(harness)!.deploymentId;
    const ran = await harness.run(deploy, ...SHORT);
    expect(ran.json()).toMatchObject({ ok: true, releaseId: id });
    expect(shares(harness)).toEqual([0.1, 0.5, "4"]);
    expect(harness.questions).toEqual([]);
  });

  it("is named by health-check and doctor when its command is gone", async () => {
    const harness = ready();
    later(harness, 4, () => harness.interrupt());
    await harness.run(deploy, ...SHORT);
    const id = releaseOf(harness)!.deploymentId;
    const health = await harness.run(rollback, "--action", "health-check", "--functions", "checkout");
    expect(health.stdout).toContain(`staged release ${id} has not ended`);
    const found = await harness.run(doctor, "--functions", "checkout");
    expect(found.stdout).toContain("STAGED-RELEASE");
    expect(found.stdout).toContain("--version 4 --stages 10:10m,50:15m,100");
    expect(found.stdout).toContain(
      "for a person: goaround rollback --action rollback-function --function-name checkout",
    );
  });

  it("judges what happened while nobody was there before it goes on", async () => {
    const harness = ready((minute) => (minute > 4 ? 20 : 0.5));
    later(harness, 4, () => harness.interrupt());
    await harness.run(deploy, ...SHORT);
    harness.ports.clock.advance(30 * MINUTE_MS);
    const ran = await harness.run(deploy, ...SHORT);
    expect(ran.json()).toMatchObject({ code: "rolled-back" });
    expect(shares(harness)).toEqual([0.1, "3"]);
  });

  it("goes on after the terminal died, once the command shows no sign of life for a minute", async () => {
    const harness = ready();
    later(harness, 4, () => harness.interrupt());
    await harness.run(deploy, ...SHORT);
    const { ledger, clock } = harness.ports;
    const release = releaseOf(harness)!;
    ledger.releases.set(release.deploymentId, {
      ...release,
      attended: { ...release.attended!, owner: "dead", beatAt: clock.now().toISOString() },
    });
    const before = clock.now().getTime();
    const ran = await harness.run(deploy, ...SHORT);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("looking for a minute whether that command lives");
    expect(Date.parse(releaseOf(harness)!.attended!.beatAt) - before).toBeGreaterThan(MINUTE_MS);
    expect(shares(harness)).toEqual([0.1, 0.5, "4"]);
  });

  it("lets one of two operators drive", async () => {
    const harness = ready();
    const first = harness.run(deploy, ...SHORT);
    await harness.ports.clock.sleep(3 * MINUTE_MS);
    const second = await harness.run(deploy, ...SHORT);
    expect(second.exitCode).toBe(6);
    expect(second.json().message).toContain("drives release");
    expect((await first).exitCode).toBe(0);
    expect(shares(harness)).toEqual([0.1, 0.5, "4"]);
  });

  it("lets one of two operators begin", async () => {
    const harness = ready();
    const ran = await Promise.all([harness.run(deploy, ...SHORT), harness.run(deploy, ...SHORT)]);
    expect(ran.map(({ exitCode }) => exitCode).sort()).toEqual([0, 6]);
    expect(shares(harness)).toEqual([0.1, 0.5, "4"]);
  });

  it("stops when a person rolls the function back, whose release that ends", async () => {
    const harness = ready();
    const driving = harness.run(deploy, ...SHORT);
    await harness.ports.clock.sleep(12 * MINUTE_MS);
    const undone = await harness.run(rollback, ...ROLLBACK, "--reason", "customers complain");
    expect(undone.json()).toMatchObject({ ok: true, target: { version: "3" }, left: ["4"], recorded: true });
    const ran = await driving;
    expect(ran.exitCode).toBe(1);
    expect(ran.json()).toMatchObject({ code: "rolled-back", message: expect.stringContaining("customers complain") });
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
    expect(releaseOf(harness)).toMatchObject({ outcome: "rolled-back", reason: "customers complain" });
  });

  it("is what rollback-function leaves after it has ended: not what CodeDeploy released before", async () => {
    const harness = ready();
    await harness.run(deploy, ...SHORT);
    const undone = await harness.run(rollback, ...ROLLBACK);
    expect(undone.json()).toMatchObject({ ok: true, target: { version: "3" }, left: ["4"] });
    expect(releaseOf(harness)).toMatchObject({ outcome: "rolled-back" });
    expect((await harness.run(rollback, ...ROLLBACK)).json()).toMatchObject({ code: "nothing-to-do" });
  });

  it("gives no more when somebody else has moved the alias", async () => {
    const harness = ready();
    later(harness, 4, () => harness.ports.functions.setAlias("checkout", "live", "2"));
    const ran = await harness.run(deploy, ...SHORT);
    expect(ran.exitCode).toBe(6);
    expect(ran.json().message).toContain("somebody else has moved it");
    expect(harness.alias("checkout")).toEqual({ functionVersion: "2", weights: {} });
    expect(releaseOf(harness)).toMatchObject({ outcome: "failed" });
    expect(historyOf(harness)).toMatchObject([{ outcome: "failed" }]);
  });

  it.each([
    [
      "freeze",
      {
        freezes: [
          { id: "xmas", scope: "all", timeZone: "UTC", times: { from: "2026-03-01" }, by: "me", reason: "holidays" },
        ],
      },
      "frozen",
    ],
    [
      "latch",
      { latches: { "checkout:live": { since: "2026-03-01T00:00:00Z", reason: "thrice", by: "respond" } } },
      "latched",
    ],
  ])("respects a %s", async (_, orders, word) => {
    const harness = ready();
    Object.assign(harness.ports.ledger.environment, orders);
    const ran = await harness.run(deploy, ...SHORT);
    expect(ran.exitCode).toBe(3);
    expect(ran.json().message).toContain(word);
    expect(shares(harness)).toEqual([]);
    expect(releaseOf(harness)).toBeUndefined();
  });

  it("asks the new version its smoke tests first, and remembers one that fails", async () => {
    const harness = ready(() => 0, { smokeTests: [{ name: "health", expect: "ok" }] });
    const ran = await harness.run(deploy, ...SHORT);
    expect(ran.exitCode).toBe(3);
    expect(harness.ports.ledger.aliases.get("checkout:live")!.knownBad["sha-4/config-4"]).toBeDefined();
    expect(shares(harness)).toEqual([]);
  });

  it("needs --detach where CloudFormation owns the alias, and says how to reconcile in the end", async () => {
    const harness = ready();
    harness.discovery.stacks.set("checkout", "shop");
    expect((await harness.run(deploy, ...SHORT)).exitCode).toBe(3);
    const ran = await harness.run(deploy, ...SHORT, "--detach");
    expect(ran.json().advice).toContain("goaround doctor --functions checkout");
  });

  it("waits at the end of a stage while an alarm of the function is red that was green before", async () => {
    const harness = ready();
    const alarm = "goaround-dev-checkout.live.error-rate";
    harness.ports.monitoring.states.set(alarm, "OK");
    later(harness, 8, () => harness.ports.monitoring.states.set(alarm, "ALARM"));
    later(harness, 16, () => harness.ports.monitoring.states.set(alarm, "OK"));
    const ran = await harness.run(deploy, ...SHORT);
    expect(ran.stderr).toContain(`${alarm} is in ALARM`);
    const [first, second] = releaseOf(harness)!.staged!.steps;
    expect(Date.parse(second!.at) - Date.parse(first!.at)).toBeGreaterThanOrEqual(15 * MINUTE_MS);
  });

  it.each([
    ["a red alarm of its own", {}, "goaround-dev-checkout.live.error-rate"],
    ["a red blocker that a person has overruled", { blockers: ["db"] }, "db"],
  ])("does not wait for %s: it was red before", async (_, policy, alarm) => {
    const harness = ready(() => 0, policy);
    harness.ports.monitoring.states.set(alarm, "ALARM");
    const order = { rules: ["blocker-red"], until: "2099-01-01T00:00:00Z", at: "2026-03-01", by: "me", reason: "cure" };
    Object.assign(harness.ports.ledger.environment, { breakGlass: [order] });
    const ran = await harness.run(deploy, ...SHORT);
    expect(ran.exitCode).toBe(0);
    const [first, second] = releaseOf(harness)!.staged!.steps;
    expect(Date.parse(second!.at) - Date.parse(first!.at)).toBeLessThan(15 * MINUTE_MS);
  });

  it.each([
    ["goes on", "promote-and-bake", 0, [0.1, 0.5, "4"]],
    ["goes back without holding it against the version", "rollback", 1, [0.1, "3"]],
  ])(
    "%s when a stage had too few requests for as long again: policy %s",
    async (_, onInconclusive, exitCode, written) => {
      const harness = ready(() => 0, { onInconclusive });
      harness.ports.monitoring.perMinute = () => counts(0);
      const ran = await harness.run(deploy, ...SHORT);
      expect(ran.exitCode).toBe(exitCode);
      expect(shares(harness)).toEqual(written);
      expect(harness.ports.ledger.aliases.get("checkout:live")!.knownBad).toEqual({});
    },
  );

  it("gives the threshold to the judge and to an alarm that is there as long as the release is", async () => {
    const harness = ready((minute) => (minute > 5 ? 4 : 0));
    const alarm = "goaround-dev-checkout.live.threshold.v4";
    let wasThere = false;
    later(harness, 4, () => {
      wasThere = harness.ports.monitoring.states.has(alarm);
    });
    const ran = await harness.run(deploy, ...SHORT, "--rollback-threshold", "2");
    expect(ran.json()).toMatchObject({ code: "rolled-back" });
    expect(wasThere).toBe(true);
    expect(harness.ports.monitoring.states.has(alarm)).toBe(false);
  });

  it("rides out an AWS that throttles for minutes", async () => {
    const harness = ready();
    later(harness, 4, () => harness.ports.functions.calls.fail("getAlias"));
    later(harness, 9, () => harness.ports.functions.calls.heal("getAlias"));
    const ran = await harness.run(deploy, ...SHORT);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("trying again");
  });

  it("only tells while the guard is disarmed", async () => {
    const harness = ready(() => 20);
    const order = { reason: "drill", by: "me", at: "2026-03-02T12:00:00Z", until: "2026-03-03T12:00:00Z" };
    harness.ports.ledger.environment.disarmed["*"] = order;
    const ran = await harness.run(deploy, ...SHORT);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("the guard is disarmed by me");
    expect(harness.ports.ledger.aliases.get("checkout:live")!.lastKnownGood!.version).toBe("3");
  });

  it("is shown and not begun with --dry-run", async () => {
    const harness = ready();
    const ran = await harness.run(deploy, ...SHORT, "--dry-run");
    expect(ran.json()).toMatchObject({ code: "planned", stages: [{ percent: 10, minutes: 10 }, {}, {}] });
    expect(harness.ports.ledger.releases.size).toBe(0);
    expect(shares(harness)).toEqual([]);
  });

  it.each([
    ["stages that do not grow", ["--stages", "50:1h,10:1h,100"]],
    ["no last stage", ["--stages", "50:1h"]],
    ["shares given twice", ["--stages", "10:1h,100", "--canary-percentage", "10"]],
  ])("refuses %s as usage", async (_, argv) => {
    expect((await ready().run(deploy, ...FORM, ...argv)).exitCode).toBe(2);
  });

  it("is followed by another only when it has ended", async () => {
    const harness = ready();
    later(harness, 4, () => harness.interrupt());
    await harness.run(deploy, ...SHORT);
    const other = await harness.run(deploy, "--function-name", "checkout", "--version", "2", "--stages", "10:1h,100");
    expect(other.exitCode).toBe(6);
    expect(other.stderr).toContain("--stages 10:10m,50:15m,100");
    const plain = await harness.run(
      deploy,
      "--function-name",
      "checkout",
      "--version",
      "2",
      "--canary-percentage",
      "10",
    );
    expect(plain.exitCode).toBe(6);
    expect(plain.stderr).toContain("has not ended");
  });

  it("ends a run that is told so although AWS refuses for good", async () => {
    const harness = ready();
    const denied = new GoaroundError("wrong-identity", "operator", "the token has expired");
    later(harness, 4, () => harness.ports.functions.calls.fail("getAlias", denied));
    const ran = await harness.run(deploy, ...SHORT);
    expect(ran.exitCode).toBe(7);
    expect(ran.json().state).toContain("version 4 has 10 %");
    harness.ports.functions.calls.heal("getAlias");
    expect((await harness.run(deploy, ...SHORT)).exitCode).toBe(0);
  });

  /** A `cdk deploy` of version 5 that CodeDeploy has refused at once, because the alias is split. */
  const refusedByCodeDeploy = ({ ports }: Harness) =>
    ports.deployments.given(
      { deploymentId: "d-CDK000001", functionName: "checkout", alias: "live", from: "3", to: "5" },
      { status: "Failed", createdAt: ports.clock.now(), completedAt: ports.clock.now() },
    );

  it("is taken back by rollback-function although a deployment has failed at its split alias since", async () => {
    const harness = ready();
    later(harness, 4, () => harness.interrupt());
    await harness.run(deploy, ...SHORT);
    harness.ports.clock.advance(2 * MINUTE_MS);
    refusedByCodeDeploy(harness);
    const undone = await harness.run(rollback, ...ROLLBACK);
    expect(undone.json()).toMatchObject({ ok: true, target: { version: "3" }, left: ["4"], recorded: true });
    expect(releaseOf(harness)).toMatchObject({ outcome: "rolled-back", closedAt: expect.any(String) });
    expect(historyOf(harness)).toMatchObject([{ outcome: "rolled-back" }]);
  });

  it.each([
    ["got no share", false],
    ["lost its share to somebody, before a deployment came", true],
  ])(
    "is closed by rollback-function when it was left open and %s, and is no hindrance any more",
    async (_, hadShare) => {
      const harness = ready();
      if (hadShare) later(harness, 4, () => harness.interrupt());
      else harness.ports.functions.calls.fail("splitAlias", new GoaroundError("conflict", "operator", "not now"));
      await harness.run(deploy, ...SHORT);
      harness.ports.functions.calls.heal("splitAlias");
      harness.ports.clock.advance(2 * MINUTE_MS);
      if (hadShare) {
        harness.ports.functions.setAlias("checkout", "live", "3");
        refusedByCodeDeploy(harness);
      }
      expect(releaseOf(harness)).toMatchObject({ outcome: "open" });
      const planned = await harness.run(rollback, ...ROLLBACK, "--dry-run");
      expect(planned.json()).toMatchObject({ code: "planned" });
      expect(releaseOf(harness)).toMatchObject({ outcome: "open" });
      const closed = await harness.run(rollback, ...ROLLBACK, "--reason", "left over");
      expect(closed.json()).toMatchObject({ ok: true, closedRelease: releaseOf(harness)!.deploymentId });
      expect(releaseOf(harness)).toMatchObject({ outcome: "failed", reason: "left over" });
      expect(historyOf(harness)).toMatchObject([{ outcome: "failed", closedAt: expect.any(String) }]);
      expect(harness.ports.ledger.aliases.get("checkout:live")!.knownBad).toEqual({});
      expect((await harness.run(rollback, ...ROLLBACK)).json()).toMatchObject({ code: "nothing-to-do" });
      expect((await harness.run(deploy, ...SHORT)).exitCode).toBe(0);
    },
  );

  it("is closed by a rollback of what was released after it", async () => {
    const harness = ready();
    harness.ports.functions.calls.fail("splitAlias", new GoaroundError("conflict", "operator", "not now"));
    await harness.run(deploy, ...SHORT);
    harness.ports.clock.advance(2 * MINUTE_MS);
    harness.ports.functions.setAlias("checkout", "live", "2");
    const undone = await harness.run(rollback, ...ROLLBACK);
    expect(undone.json()).toMatchObject({ ok: true, target: { version: "3" } });
    expect(releaseOf(harness)).toMatchObject({ outcome: "failed" });
  });

  it("stays in the history until it has ended, however many releases are refused meanwhile", async () => {
    const harness = ready();
    later(harness, 4, () => harness.interrupt());
    await harness.run(deploy, ...SHORT);
    const { ledger, clock } = harness.ports;
    const versions = { baselineVersion: "3", canaryVersion: "5" };
    for (let i = 0; i < 40; i += 1) {
      const refused = { ...versions, deploymentId: `d-REFUSED${i}`, openedAt: clock.now().toISOString() };
      await ledger.changeAlias("checkout", "live", (record) => withOpened(record, refused, undefined));
    }
    expect(historyOf(harness).length).toBeLessThan(30);
    clock.advance(12 * MINUTE_MS);
    const found = await harness.run(doctor, "--functions", "checkout", "--repair", "--yes");
    expect(found.stdout).toContain("STAGED-RELEASE");
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: { 4: 0.1 } });
    expect((await harness.run(deploy, ...SHORT)).exitCode).toBe(0);
  });
});
