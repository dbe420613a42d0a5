import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { bundleHandlers, handlerEntry } from "../../lib/constructs/bundling/bundle.ts";
import { FLAG_HANDLERS, GUARD_HANDLERS, SAMPLE_FUNCTIONS } from "../../lib/contract/names.ts";
import type { Reference } from "./reference.ts";
import { medianOf, medianRatio, type Samples, takeTurns } from "./turns.ts";

/** Limits by the number of service clients in a bundle. KB are 1,000 bytes, as the reference's 452 KB are. */
const LIMITS = {
  few: { clients: 3, bytes: 450_000, load: 0.7 },
  many: { bytes: 700_000, load: 0.9 },
};

export interface HandlerCost {
  name: string;
  clients: string[];
  bytes: number;
  maxBytes: number;
  maxLoad: number;
  /** Undefined where there is no reference to compare with. */
  load?: { wallMs: number; cpuMs: number; ratio: number; cpuRatio: number };
  ok: boolean;
}

export interface LoadResult {
  handlers: HandlerCost[];
  reference: { bytes: number; wallMs: number; cpuMs: number } | { missing: string };
  rounds: number;
}

/** Loads one module and prints how long that took; the process's own start is not in it. */
const PROBE = `
const [path] = process.argv.slice(1);
const cpu = process.cpuUsage(), start = performance.now();
(path.endsWith(".mjs") ? import(require("node:url").pathToFileURL(path).href) : Promise.resolve(require(path))).then(() => {
  const wallMs = performance.now() - start, { user, system } = process.cpuUsage(cpu);
  console.log(JSON.stringify({ wallMs, cpuMs: (user + system) / 1000 }));
  process.exit(0);
});`;

/** What Lambda sets; the reference refuses to load without. */
const LAMBDA_ENVIRONMENT = {
  AWS_REGION: "us-east-1",
  AWS_DEFAULT_REGION: "us-east-1",
  AWS_LAMBDA_FUNCTION_NAME: "measured",
  AWS_LAMBDA_FUNCTION_VERSION: "1",
  AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
  AWS_SECRET_ACCESS_KEY: "secret",
  GOAROUND_ENVIRONMENT: "dev",
  GOAROUND_LEDGER_TABLE: "goaround-dev-ledger",
  GOAROUND_TOPIC_ARN: "arn:aws:sns:us-east-1:111122223333:goaround-dev-notifications",
};

/** Size and load of every Lambda of the project, the load in turns with the reference. */
export function measureLoad(reference: Reference, rounds: number, root: string, scratch: string): LoadResult {
  const names = [...GUARD_HANDLERS, ...FLAG_HANDLERS, ...SAMPLE_FUNCTIONS.map((name) => `sample/${name}`)];
  const folders = bundleHandlers(names.map(handlerEntry));
  const probe = (name: string, path: string) => ({
    name,
    args: ["-e", PROBE, path],
    env: { ...LAMBDA_ENVIRONMENT, NODE_PATH: join(root, "node_modules") },
  });
  const contenders = names.map((name, i) => probe(name, join(folders[i] as string, "index.mjs")));
  const turns =
    "hook" in reference ? takeTurns([probe("reference", reference.hook), ...contenders], rounds, scratch) : undefined;
  const standard = turns?.get("reference") as Samples;
  return {
    rounds,
    reference:
      "missing" in reference
        ? reference
        : {
            bytes: statSync(reference.hook).size,
            wallMs: medianOf(standard, "wallMs"),
            cpuMs: medianOf(standard, "cpuMs"),
          },
    handlers: names.map((name, i) => judgeHandler(name, folders[i] as string, turns?.get(name), standard)),
  };
}

function judgeHandler(name: string, folder: string, own: Samples | undefined, standard: Samples): HandlerCost {
  const files = readdirSync(folder).map((file) => join(folder, file));
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  const clients = clientsIn(files.map((file) => readFileSync(file, "utf8")).join("\n"));
  const limits = clients.length <= LIMITS.few.clients ? LIMITS.few : LIMITS.many;
  const load = own && {
    wallMs: medianOf(own, "wallMs"),
    cpuMs: medianOf(own, "cpuMs"),
    ratio: medianRatio(own, standard, "wallMs"),
    cpuRatio: medianRatio(own, standard, "cpuMs"),
  };
  // By the processor's time, as synthesis is: on a busy machine the clock tells equal bundles apart by a factor of five.
  const ok = bytes <= limits.bytes && (load === undefined || load.cpuRatio <= limits.load);
  return { name, clients, bytes, maxBytes: limits.bytes, maxLoad: limits.load, ...(load && { load }), ok };
}

/** Each client names its service in its configuration: `serviceId: config?.serviceId ?? "CodeDeploy"`. */
export const clientsIn = (code: string) =>
  [...new Set([...code.matchAll(/serviceId\s*\?\?\s*"([^"]+)"/g)].map((match) => match[1] as string))].sort();
