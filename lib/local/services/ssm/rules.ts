import type { PutParameterCommandInput } from "@aws-sdk/client-ssm";
import { AwsError } from "../../kernel/errors.ts";

const validation = (message: string) => new AwsError("ValidationException", message);

/** `name`, `name:version`, or an ARN of either. Labels are not kept, so a label never matches. */
export function parseReference(reference: string): { name: string; version?: number } {
  let text = reference;
  const arn = /^arn:aws[\w-]*:ssm:[^:]*:[^:]*:parameter(\/.*)$/.exec(reference);
  if (arn) text = arn[1] ?? "";
  const colon = text.indexOf(":");
  if (colon === -1) return { name: arn && isRootName(text) ? text.slice(1) : text };
  const selector = text.slice(colon + 1);
  const name = text.slice(0, colon);
  return { name: arn && isRootName(name) ? name.slice(1) : name, version: Number(selector) };
}

/** A parameter named without a slash has an ARN `parameter/name`, in which the slash is the separator. */
function isRootName(path: string): boolean {
  return !path.slice(1).includes("/");
}

export function checkName(name: string): void {
  if (/^\/?aws/i.test(name)) {
    throw new AwsError("AccessDeniedException", `No access to reserved parameter name: ${name}.`);
  }
  if (!/^[a-zA-Z0-9_.\-/]+$/.test(name) || /^\/?ssm/i.test(name)) {
    throw validation(
      'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_',
    );
  }
  if (name.includes("/") && !name.startsWith("/")) {
    throw validation("Parameter name must be a fully qualified name.");
  }
  const MAX_LEVELS = 15;
  if (name.split("/").length - 1 > MAX_LEVELS) {
    throw new AwsError(
      "HierarchyLevelLimitExceededException",
      "A hierarchy can have a maximum of 15 levels. For more information, see Requirements and constraints for parameter names in the AWS Systems Manager User Guide.",
    );
  }
}

/** Limits of the tiers: 4 KB and 8 KB (Systems Manager user guide, 2025). */
const STANDARD_LIMIT = 4096;
const ADVANCED_LIMIT = 8192;

/** Checks type and size and returns the tier that the parameter gets. */
export function checkValue(input: PutParameterCommandInput, type: string, tierBefore: string | undefined): string {
  const value = input.Value ?? "";
  if (!["String", "StringList", "SecureString"].includes(type)) {
    throw validation(
      `1 validation error detected: Value '${type}' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [SecureString, StringList, String]`,
    );
  }
  if (value === "") {
    throw validation(
      "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.",
    );
  }
  if (input.AllowedPattern && !new RegExp(input.AllowedPattern).test(value)) {
    throw new AwsError(
      "ParameterPatternMismatchException",
      `Parameter value, cannot be validated against allowedPattern: ${input.AllowedPattern}`,
    );
  }
  const size = Buffer.byteLength(value);
  const asked = input.Tier ?? (tierBefore === "Advanced" ? "Advanced" : "Standard");
  const needed = size > STANDARD_LIMIT || tierBefore === "Advanced" ? "Advanced" : "Standard";
  const tier = asked === "Intelligent-Tiering" ? needed : asked;
  if (tier === "Standard" && tierBefore === "Advanced") {
    throw validation(
      "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter. Be aware that standard parameters have a value limit of 4096 characters.",
    );
  }
  if (tier === "Standard" && size > STANDARD_LIMIT) {
    throw validation(
      `Standard tier parameters support a maximum parameter value of ${STANDARD_LIMIT} characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html`,
    );
  }
  if (size > ADVANCED_LIMIT) {
    throw validation(`Advanced tier parameters support a maximum parameter value of ${ADVANCED_LIMIT} characters.`);
  }
  return tier;
}

/** Of a parameter's history: 1 to 50 versions a page (API reference, 2025). */
export function checkPageSize(size: number | undefined): void {
  if (size === undefined || (size >= 1 && size <= 50)) return;
  const limit = size < 1 ? "greater than or equal to 1" : "less than or equal to 50";
  throw validation(
    `1 validation error detected: Value '${size}' at 'maxResults' failed to satisfy constraint: Member must have value ${limit}`,
  );
}
