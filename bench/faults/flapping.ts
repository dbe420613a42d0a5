import type { PublishCommandInput } from "@aws-sdk/client-sns";
import { applicationName, deploymentGroupName } from "../../lib/contract/names.ts";
import { OPEN_STATUSES } from "../../lib/core/release/deployment.ts";
import { aliasKey } from "../../lib/core/release/environment-record.ts";
import { SeededRandom } from "../../lib/local/kernel/random.ts";
import { alarmEvent, onDeploymentEvents } from "./events.ts";
import { Responder } from "./programs.ts";
import { ALIAS, drive, ENVIRONMENT, FUNCTION, openScene, publish, release, type Scene } from "./scene.ts";
import { emptyTally, mine, type Part, raise, type Tally } from "./tally.ts";

const RUNS = 20;
const HOURS = 6;
const PERIOD_MS = 60_000;
/** A pipeline looks so often whether it may release again. Milliseconds. */
const PIPELINE_MS = 60_000;
const MAX_ROLLBACKS = 3;
const HOUR_MS = 3_600_000;
/** Within any hour. */
const MAX_PAGES = 2;

/**
 * The alias's alarm turns red and green each minute for six hours, and a pipeline brings a new version after each rollback, as long
 * as nothing is latched.
 */
export async function flappingAlarm(part: Part): Promise<Tally> {
  const tally = emptyTally();
  for (const seed of mine(RUNS, part)) {
    const scene = await openScene({ stage: "guard-time", seed });
    const startMs = scene.aws.clock.now();
    const responder = new Responder(scene.aws.world, scene.wire);
    const stop = onDeploymentEvents(scene, (event, id) => void responder.deliver(event, id));
    const random = new SeededRandom(`flapping/${seed}`);
    await drive(scene, Promise.all([flap(scene, responder, random), pipeline(scene)]), (HOURS + 1) * HOUR_MS);
    stop();
    tally.runs += 1;
    tally.failures.push(...(await problemsOf(scene, startMs)).map((problem) => `seed ${seed}: ${problem}`));
    const sent = scene.wire.calls.filter(({ operation }) => operation === "Publish");
    raise(tally, "notifications", sent.length);
    raise(tally, "pages within an hour", pagesAnHour(scene));
    raise(tally, "rollbacks", rollbacksOf(scene));
    raise(tally, "dead letters", responder.deadLetters.length);
    await scene.aws.close();
  }
  return tally;
}

async function flap(scene: Scene, responder: Responder, random: SeededRandom): Promise<void> {
  const { clock } = scene.aws;
  const endMs = clock.now() + HOURS * HOUR_MS;
  const { alarmName: AlarmName } = alarmEvent(scene).detail;
  await scene.call("cloudwatch", "PutMetricAlarm", { AlarmName, ...ALARM });
  for (let i = 0; clock.now() < endMs; i += 1) {
    const value = i % 2 === 0 ? "ALARM" : "OK";
    await scene.call("cloudwatch", "SetAlarmState", { AlarmName, StateValue: value, StateReason: "Threshold Crossed" });
    // EventBridge's rule hands over what turns red.
    if (value === "ALARM") void responder.deliver(alarmEvent(scene), `red-${i}`);
    await clock.sleep(PERIOD_MS + random.integer(-10_000, 10_000));
  }
  while (!responder.isIdle) await clock.sleep(PERIOD_MS);
}

const ALARM = {
  Namespace: "Nobody",
  MetricName: "Nothing",
  Statistic: "Sum",
  Period: 60,
  EvaluationPeriods: 1,
  Threshold: 1,
  ComparisonOperator: "GreaterThanThreshold",
  TreatMissingData: "ignore",
};

/** Admission refuses what is latched; short of that somebody tries again and again. */
async function pipeline(scene: Scene): Promise<void> {
  const { clock } = scene.aws;
  const { ports } = scene;
  const pass = (ms: number) => clock.sleep(ms);
  const endMs = clock.now() + HOURS * HOUR_MS;
  const where = { application: applicationName(ENVIRONMENT), group: deploymentGroupName(FUNCTION) };
  for (let next = 3; clock.now() < endMs; await clock.sleep(PIPELINE_MS)) {
    const [alias, environment, open] = await Promise.all([
      ports.functions.getAlias(FUNCTION, ALIAS),
      ports.ledger.getEnvironment(),
      ports.deployments.list({ ...where, statuses: OPEN_STATUSES }),
    ]);
    if (alias.functionVersion !== "1" || open.length > 0 || environment.latches[aliasKey(FUNCTION, ALIAS)]) continue;
    const to = await publish(scene, FUNCTION, next, pass);
    await release(scene, FUNCTION, "guard-time", { from: "1", to }, pass);
    next += 1;
  }
}

/** What calls a person has the severity critical. The most within any sixty minutes. */
function pagesAnHour({ wire }: Scene): number {
  const pages = wire.calls.filter(({ operation, input }) => {
    const { MessageAttributes } = input as PublishCommandInput;
    return operation === "Publish" && MessageAttributes?.severity?.StringValue === "critical";
  });
  return Math.max(
    0,
    ...pages.map(({ atMs }) => pages.filter((one) => one.atMs >= atMs && one.atMs < atMs + HOUR_MS).length),
  );
}

const rollbacksOf = ({ wire }: Scene) =>
  wire.calls.filter(({ operation, effects }) => operation === "UpdateAlias" && effects > 0).length;

async function problemsOf(scene: Scene, startMs: number): Promise<string[]> {
  const problems: string[] = [];
  const moved = rollbacksOf(scene);
  if (moved !== MAX_ROLLBACKS) problems.push(`${moved} rollbacks`);
  const { latches } = await scene.ports.ledger.getEnvironment();
  const latch = latches[aliasKey(FUNCTION, ALIAS)];
  if (!latch) problems.push("not latched");
  else if (Date.parse(latch.since) - startMs > HOUR_MS) problems.push(`latched only at ${latch.since}`);
  const pages = scene.wire.calls.filter(
    ({ operation, input }) => operation === "Publish" && JSON.stringify(input).includes("is latched after"),
  );
  if (pages.length !== 1) problems.push(`${pages.length} pages of the latch`);
  const called = pagesAnHour(scene);
  if (called > MAX_PAGES) problems.push(`${called} pages within an hour`);
  return problems;
}
