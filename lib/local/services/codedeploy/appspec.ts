import { parse } from "yaml";
import type { HookEvent } from "./model.ts";

/** The Lambda resource of an AppSpec. */
export interface LambdaAppSpec {
  functionName: string;
  alias: string;
  currentVersion: string;
  targetVersion: string;
  hooks: Partial<Record<HookEvent, string>>;
}

/** `problem` is the sentence CodeDeploy appends to its message; empty when the real one appends none. */
export type AppSpecResult = { ok: true; spec: LambdaAppSpec } | { ok: false; problem: string };

const HOOK_NAMES: Record<string, HookEvent> = {
  beforeallowtraffic: "BeforeAllowTraffic",
  afterallowtraffic: "AfterAllowTraffic",
};

/**
 * Reads an AppSpec of the Lambda platform, JSON or YAML, with keys in Pascal case (field examples) or lower case
 * (CodeDeploy user guide, AppSpec resources, 2023). Hooks is a list of maps with one event each.
 */
export function parseAppSpec(content: string): AppSpecResult {
  let document: unknown;
  try {
    document = parse(content);
  } catch {
    return { ok: false, problem: "The AppSpec file is neither valid JSON nor valid YAML." };
  }
  const root = lowerKeys(document);
  if (!root) return { ok: false, problem: "The AppSpec file is not an object." };
  const version = root.version;
  if (Number(version) !== 0 || version === null || version === "") {
    return { ok: false, problem: "The version of the AppSpec file is missing or is not 0.0." };
  }
  const resources = Array.isArray(root.resources) ? root.resources : [];
  if (resources.length !== 1) {
    return { ok: false, problem: "The AppSpec file must have exactly one resource." };
  }
  const named = isObject(resources[0]) ? Object.values(resources[0]) : [];
  const resource = named.length === 1 ? lowerKeys(named[0]) : undefined;
  if (resource?.type !== "AWS::Lambda::Function") {
    return { ok: false, problem: "The resource of the AppSpec file must have the type AWS::Lambda::Function." };
  }
  const properties = lowerKeys(resource.properties) ?? {};
  const text = (key: string) => {
    const value = properties[key];
    return typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
  };
  const spec = {
    functionName: text("name"),
    alias: text("alias"),
    currentVersion: text("currentversion"),
    targetVersion: text("targetversion"),
  };
  if (!spec.functionName || !spec.alias) {
    return { ok: false, problem: "Name and Alias are required in the AppSpec file." };
  }
  const positiveInteger = /^[1-9]\d*$/;
  if (!positiveInteger.test(spec.currentVersion) || !positiveInteger.test(spec.targetVersion)) {
    return { ok: false, problem: "CurrentVersion and TargetVersion in the AppSpec file must be published versions." };
  }
  const hooks = parseHooks(root.hooks);
  if (typeof hooks === "string") return { ok: false, problem: hooks };
  return { ok: true, spec: { ...spec, hooks } };
}

function parseHooks(value: unknown): LambdaAppSpec["hooks"] | string {
  if (value === undefined || value === null) return {};
  if (!Array.isArray(value)) return "Hooks in the AppSpec file must be a list.";
  const hooks: LambdaAppSpec["hooks"] = {};
  for (const entry of value) {
    if (!isObject(entry)) return "Each hook in the AppSpec file must be a map of one event to one function.";
    for (const [name, target] of Object.entries(entry)) {
      const event = HOOK_NAMES[name.toLowerCase()];
      if (!event) return `The lifecycle event ${name} in the AppSpec file is not valid for Lambda.`;
      if (typeof target !== "string" || target === "") {
        return `The hook ${name} in the AppSpec file must name one Lambda function.`;
      }
      if (hooks[event]) return `The lifecycle event ${name} appears more than once in the AppSpec file.`;
      hooks[event] = target;
    }
  }
  return hooks;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function lowerKeys(value: unknown): Record<string, unknown> | undefined {
  if (!isObject(value)) return undefined;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key.toLowerCase(), entry]));
}
