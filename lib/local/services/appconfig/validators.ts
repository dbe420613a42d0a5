import Ajv4Module from "ajv-draft-04";
import addFormatsModule from "ajv-formats";
import { AwsError } from "../../kernel/errors.ts";
import type { World } from "../../kernel/service.ts";
import { badRequest, type ConfigurationProblem, invalidConfiguration } from "./errors.ts";
import { parseFlagDocument } from "./feature-flags.ts";
import { FEATURE_FLAGS, type HostedVersionRecord, type ProfileRecord } from "./model.ts";

// Both packages are CommonJS with a default export inside.
const Ajv4 = Ajv4Module.default;
const addFormats = addFormatsModule.default;

/**
 * Runs everything that must hold before a configuration is deployed: the built-in check of feature flags and the
 * profile's validators, in their order. Throws BadRequestException.
 */
export async function validateConfiguration(
  world: World,
  profile: ProfileRecord,
  version: HostedVersionRecord,
): Promise<void> {
  if (profile.type === FEATURE_FLAGS) parseFlagDocument(version.content);
  for (const validator of profile.validators) {
    if (validator.Type === "JSON_SCHEMA") checkJsonSchema(validator.Content ?? "", version.content);
    else await runLambdaValidator(world, profile, version, validator.Content ?? "");
  }
}

/** JSON Schema draft 4, inline (user guide, validators, 2023). */
function checkJsonSchema(schemaText: string, content: Uint8Array): void {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(content));
  } catch {
    throw badRequest("The configuration is not valid JSON, so it cannot be validated against the JSON Schema");
  }
  const ajv = new Ajv4({ allErrors: true, strict: false });
  addFormats(ajv as unknown as Parameters<typeof addFormats>[0]);
  let validate: ReturnType<typeof ajv.compile>;
  try {
    validate = ajv.compile(JSON.parse(schemaText));
  } catch (error) {
    throw badRequest(`The JSON Schema of the validator is not valid: ${(error as Error).message}`);
  }
  if (validate(document)) return;
  const problems: ConfigurationProblem[] = (validate.errors ?? []).map((error) => ({
    Constraint: error.keyword,
    Location: error.instancePath,
    Reason: error.message ?? "is not valid",
    Type: "JSON Schema",
    Value: "",
  }));
  throw invalidConfiguration("The configuration does not conform to the JSON Schema of its validator", problems);
}

/**
 * Event as in the user guide (validators, 2025). Only an error of the function refuses a configuration; what it returns
 * is not looked at.
 */
async function runLambdaValidator(
  world: World,
  profile: ProfileRecord,
  version: HostedVersionRecord,
  functionArn: string,
): Promise<void> {
  const event = {
    applicationId: profile.applicationId,
    configurationProfileId: profile.id,
    configurationVersion: String(version.number),
    content: Buffer.from(version.content).toString("base64"),
    uri: profile.locationUri,
  };
  let reply: { FunctionError?: string; Payload?: Uint8Array };
  try {
    reply = await world.call(
      "lambda",
      "Invoke",
      {
        FunctionName: functionArn,
        InvocationType: "RequestResponse",
        Payload: new TextEncoder().encode(JSON.stringify(event)),
      },
      world.servicePrincipal(
        "appconfig.amazonaws.com",
        `arn:${world.partition}:appconfig:${world.region}:${world.accountId}:application/${profile.applicationId}/configurationprofile/${profile.id}`,
      ),
    );
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw badRequest(`Error invoking the validator ${functionArn}: ${error.message}`);
  }
  if (reply.FunctionError === undefined || reply.FunctionError === "") return;
  throw invalidConfiguration(`The validator ${functionArn} refused the configuration`, [
    {
      Constraint: functionArn,
      Location: "",
      Reason: errorMessage(reply.Payload),
      Type: "Lambda",
      Value: "",
    },
  ]);
}

function errorMessage(payload: Uint8Array | undefined): string {
  const text = payload ? new TextDecoder().decode(payload) : "";
  try {
    return (JSON.parse(text) as { errorMessage?: string }).errorMessage ?? text;
  } catch {
    return text;
  }
}
