import { GoaroundError } from "../../lib/core/errors.ts";
import type { Log } from "../../lib/core/log.ts";
import { SeededRandom } from "../../lib/local/kernel/random.ts";
import { alarmEvent, deploymentEvent, verdictEvent } from "./events.ts";
import { invokeResponder } from "./programs.ts";
import { drive, HOME, openScene, type Scene } from "./scene.ts";
import { add, emptyTally, mine, type Part, type Tally } from "./tally.ts";

const RUNS = 10_000;
/** Must not be seen anywhere. */
const SECRET = "AKIAHIDDENHIDDENHIDE";
const UNKNOWN_DEPLOYMENT = "d-NOBODY0001";

/**
 * Events that are no events: any JSON, real ones that were bent, and well-formed ones about what does not exist. Nothing may
 * be changed, nothing thrown but the guard's own refusal, and nothing of what they hold may be said.
 */
export async function poisonEvents(part: Part): Promise<Tally> {
  const tally = emptyTally();
  const scene = await openScene({ stage: "guard-time" });
  for (const seed of mine(RUNS, part)) {
    const random = new SeededRandom(`poison/${seed}`);
    const event = random.chance(0.4) ? anything(random, 4) : bent(random, scene);
    await expectNothing(scene, event, `seed ${seed}: ${JSON.stringify(event)?.slice(0, 200)}`, tally);
  }
  await scene.aws.close();
  return tally;
}

/** Every kind of event from AWS, from another account, another region, both, or none. */
export async function foreignEvents(part: Part): Promise<Tally> {
  const tally = emptyTally();
  const scene = await openScene({ stage: "guard-time" });
  const states = ["START", "SUCCESS", "FAILURE", "STOP"];
  const events = [
    alarmEvent(scene),
    alarmEvent(scene, "2"),
    ...states.map((state) => deploymentEvent(scene.deploymentId, state, scene.aws.clock.now())),
  ];
  const accounts = [HOME.account, "999988887777", "", undefined, Number(HOME.account)];
  const regions = [HOME.region, "eu-west-1", "", undefined];
  const places = accounts
    .flatMap((account) => regions.map((region) => ({ account, region })))
    .filter(({ account, region }) => account !== HOME.account || region !== HOME.region);
  const trials = events.flatMap((event) => places.map((place) => ({ ...event, ...place })));
  for (const i of mine(trials.length, { ...part, every: 1, first: 0 })) {
    const before = scene.wire.calls.length;
    const name = JSON.stringify(trials[i]);
    await expectNothing(scene, trials[i], name, tally);
    if (scene.wire.calls.length > before) tally.failures.push(`${name}: AWS was called`);
  }
  await scene.aws.close();
  return tally;
}

async function expectNothing(scene: Scene, event: unknown, name: string, tally: Tally): Promise<void> {
  const said: string[] = [];
  const note = (message: string, facts?: object) => void said.push(`${message} ${JSON.stringify(facts)}`);
  const log: Log = { info: note, warn: note, error: note };
  const before = scene.wire.calls.length;
  const { world } = scene.aws;
  const ran = await drive(scene, invokeResponder(world, scene.wire, { event, requestId: name.slice(0, 20), log }));
  tally.runs += 1;
  const effects = scene.wire.calls.slice(before).filter((call) => call.effects > 0 && !isClaim(call.input));
  for (const { service, operation } of effects) tally.failures.push(`${name}: ${service} ${operation}`);
  if (ran.error !== undefined) {
    add(tally, "refused by an error");
    if (!(ran.error instanceof GoaroundError)) tally.failures.push(`${name}: threw ${ran.error}`);
  }
  if (said.length === 0 && ran.error === undefined) tally.failures.push(`${name}: nothing was said`);
  if ([...said, String(ran.error)].some((line) => line.includes(SECRET))) tally.failures.push(`${name}: echoed`);
}

/** A note that an id was seen is no change: it is under the id, and nobody acts on it. */
const isClaim = (input: object) => JSON.stringify((input as { Key?: object }).Key ?? "").includes("claim#");

function anything(random: SeededRandom, depth: number): unknown {
  const text = () => (random.chance(0.3) ? SECRET : random.text(random.integer(0, 30)));
  const names = ["source", "detail", "detail-type", "__proto__", "constructor", "", "account", text()];
  switch (random.integer(0, depth > 0 ? 7 : 5)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.next() * 10 ** random.integer(-5, 20);
    case 3:
      return text().repeat(random.integer(1, 50));
    case 4:
      return undefined;
    case 5:
      return text();
    case 6:
      return Array.from({ length: random.integer(0, 5) }, () => anything(random, depth - 1));
    default: {
      const keys = Array.from({ length: random.integer(0, 6) }, () => names[random.integer(0, names.length - 1)]!);
      return Object.fromEntries(keys.map((key) => [key, anything(random, depth - 1)]));
    }
  }
}

/** An event that AWS or the watch might send, about what is not there, with one to three of its parts bent. */
function bent(random: SeededRandom, scene: Scene): unknown {
  const alarm = alarmEvent(scene, "2");
  const nobodys = {
    ...alarm,
    detail: { ...alarm.detail, alarmName: `goaround-dev-nobody.live.error-rate.v${random.text(3)}` },
  };
  const states = ["START", "SUCCESS", "FAILURE", "STOP", "READY"];
  const state = states[random.integer(0, states.length - 1)]!;
  const wellFormed = [nobodys, deploymentEvent(UNKNOWN_DEPLOYMENT, state, 0), verdictEvent(UNKNOWN_DEPLOYMENT)];
  const event = structuredClone(wellFormed[random.integer(0, wellFormed.length - 1)]!) as Record<string, unknown>;
  for (let times = random.integer(0, 3); times > 0; times -= 1) bend(random, event);
  return event;
}

function bend(random: SeededRandom, value: Record<string, unknown>): void {
  const keys = Object.keys(value);
  const key = keys[random.integer(0, keys.length - 1)];
  if (key === undefined) return;
  const part = value[key];
  if (typeof part === "object" && part !== null && random.chance(0.6)) {
    bend(random, part as Record<string, unknown>);
    return;
  }
  const how = random.integer(0, 3);
  if (how === 0) Reflect.deleteProperty(value, key);
  else if (how === 1) value[`${key}-`] = SECRET;
  else value[key] = anything(random, 2);
}
