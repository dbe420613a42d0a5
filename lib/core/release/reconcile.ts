import { parseDocument, stringify } from "yaml";
import { FLAGS_RESOURCE } from "../../contract/names.ts";
import { GoaroundError } from "../errors.ts";
import type { StackChange } from "../operator-ports.ts";

/** CloudFormation: a template in a request is at most 51,200 bytes (user guide, quotas, 2025). */
const MAX_TEMPLATE_BYTES = 51_200;

/** `kept`: a drift-aware change set needs no direct update. `left-out`: so that CodeDeploy does not shift. */
export type UpdatePolicyIs = "kept" | "left-out";

/**
 * The deployed template with one alias at a literal version, and nothing else changed. Throws `refused` when the alias
 * does not stand in it (templates that a transform expands) or it gets too long to be sent.
 */
export function reconciledTemplate(
  template: string,
  alias: { stackName: string; logicalId: string; version: string },
  updatePolicy: UpdatePolicyIs,
): string {
  const { logicalId, stackName, version } = alias;
  const isJson = template.trimStart().startsWith("{");
  // The short forms of intrinsic functions are tags that are carried through unread.
  const document = parseDocument(template, { logLevel: "error" });
  const path = ["Resources", logicalId];
  if (document.errors.length > 0 || document.getIn([...path, "Type"]) !== "AWS::Lambda::Alias") {
    throw new GoaroundError(
      "refused",
      "operator",
      `the template of stack ${stackName} does not define the alias ${logicalId} itself`,
      { advice: "A transform makes it: reconcile by deploying a template in which its version is the live one." },
    );
  }
  // A node of its own: setting the text alone would keep the tag of a short form.
  document.setIn([...path, "Properties", "FunctionVersion"], document.createNode(version));
  if (updatePolicy === "left-out") document.deleteIn([...path, "UpdatePolicy"]);
  const text = isJson ? JSON.stringify(document.toJS()) : stringify(document);
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= MAX_TEMPLATE_BYTES) return text;
  throw new GoaroundError(
    "refused",
    "operator",
    `the template of stack ${stackName} has ${bytes} bytes; CloudFormation takes ${MAX_TEMPLATE_BYTES} without a bucket`,
    {
      advice: `Upload it with ${logicalId}.FunctionVersion set to "${version}" and its UpdatePolicy left out, and update the stack from there.`,
    },
  );
}

/** Whether executing a drift-aware change set changes nothing but the record of this alias. */
export const onlySyncs = (changes: readonly StackChange[], logicalId: string): boolean =>
  changes.length === 1 && changes[0]!.logicalId === logicalId && changes[0]!.action === "SyncWithActual";

/** Whether a plain change set touches nothing but version and update policy of this alias. */
export const onlyMovesRecord = (changes: readonly StackChange[], logicalId: string): boolean =>
  changes.length === 1 &&
  changes[0]!.logicalId === logicalId &&
  changes[0]!.action === "Modify" &&
  !changes[0]!.replaces &&
  changes[0]!.names.every((name) => name === "FunctionVersion" || name === "UpdatePolicy");

/**
 * The version that a template's FunctionVersion means. `physicalIdOf` tells the physical id of another resource: a
 * version's is its ARN.
 */
export function versionInTemplate(
  template: string,
  logicalId: string,
  physicalIdOf: (logicalId: string) => string | undefined,
): { version: string } | { problem: string } {
  const document = parseDocument(template, { logLevel: "error" });
  if (document.errors.length > 0) return { problem: "the template cannot be parsed" };
  const node = document.getIn(["Resources", logicalId, "Properties", "FunctionVersion"], true);
  const value = document.createNode(node).toJS(document) as unknown;
  if (typeof value === "string" || typeof value === "number") {
    const short = /^(\w+)\.Version$/.exec(String(value));
    if (/^\d+$/.test(String(value))) return { version: String(value) };
    if (short) return byReference(short[1]!, physicalIdOf);
    return { problem: `FunctionVersion is "${value}"` };
  }
  const reference = (value as { "Fn::GetAtt"?: unknown } | undefined)?.["Fn::GetAtt"] ?? value;
  const [name, attribute] = Array.isArray(reference) ? reference : String(reference).split(".");
  if (typeof name === "string" && attribute === "Version") return byReference(name, physicalIdOf);
  return { problem: `FunctionVersion is ${JSON.stringify(value)}` };
}

function byReference(logicalId: string, physicalIdOf: (logicalId: string) => string | undefined) {
  const version = /:(\d+)$/.exec(physicalIdOf(logicalId) ?? "")?.[1];
  return version === undefined ? { problem: `${logicalId} is no published version` } : { version };
}

/** The value of a parameter as a template writes it; undefined where it stands in none, or is not literal. */
export function parameterInTemplate(template: string, name: string): string | undefined {
  const found = resourcesIn(template).find(
    (resource) => resource?.Type === "AWS::SSM::Parameter" && resource.Properties?.Name === name,
  );
  return literal(found?.Properties?.Value);
}

/** The flag document that a template defines, as JSON; undefined where there is none, or more than one. */
export function flagsInTemplate(template: string): string | undefined {
  const found = resourcesIn(template).filter((resource) => resource?.Type === FLAGS_RESOURCE.type);
  return found.length === 1 ? literal(found[0]?.Properties?.[FLAGS_RESOURCE.definitions]) : undefined;
}

type Resource = { Type?: string; Properties?: Record<string, unknown> } | null;

function resourcesIn(template: string): Resource[] {
  const document = parseDocument(template, { logLevel: "error" });
  if (document.errors.length > 0) return [];
  const { Resources = {} } = (document.toJS() ?? {}) as { Resources?: Record<string, Resource> };
  return Object.values(Resources);
}

const literal = (value: unknown) => (typeof value === "string" ? value : undefined);
