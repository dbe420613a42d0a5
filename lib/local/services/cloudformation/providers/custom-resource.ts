import type { World } from "../../../kernel/service.ts";
import { isObject, type Json, type JsonObject } from "../template/json.ts";
import { type ProviderContext, ResourceCancelled, ResourceHandlerError, type ResourceType } from "./resource-type.ts";
import { text } from "./shared.ts";

/** Without ServiceTimeout CloudFormation waits for an hour (user guide, "Custom resources", 2025). Seconds. */
const DEFAULT_TIMEOUT_SECONDS = 3600;
const POLL_MS = 1000;

interface Answer {
  Status: "SUCCESS" | "FAILED";
  Reason?: string;
  PhysicalResourceId?: string;
  Data?: JsonObject;
}

interface Request {
  type: "Create" | "Update" | "Delete";
  properties: JsonObject;
  before?: JsonObject;
  physicalId?: string;
}

/**
 * A resource that a Lambda function provides: invoked asynchronously with a request, it puts its answer to the presigned
 * S3 address in it (user guide, "Custom resource request objects", 2025).
 */
export const customResource: ResourceType = {
  updatable: ["*"],
  createOnly: [],

  async create(properties, context) {
    const answer = await ask(context, { type: "Create", properties });
    return provisioned(answer, answer.PhysicalResourceId ?? context.physicalName(64));
  },

  async update({ physicalId, properties: before }, properties, context) {
    const answer = await ask(context, { type: "Update", properties, before, physicalId });
    if (answer.PhysicalResourceId !== undefined && answer.PhysicalResourceId !== physicalId) {
      throw new Error("The local AWS does not implement a custom resource that changes its physical id on update");
    }
    return provisioned(answer, physicalId);
  },

  async delete({ physicalId, properties }, context) {
    await ask(context, { type: "Delete", properties, physicalId });
  },
};

const provisioned = ({ Data = {} }: Answer, physicalId: string) => ({ physicalId, attributes: Data });

async function ask(context: ProviderContext, request: Request): Promise<Answer> {
  const { world } = context;
  const requestId = world.random.uuid();
  const bucket = await answerBucket(context);
  const key = `${encodeURIComponent(context.stackId)}/${context.logicalId}/${requestId}`;
  const { ServiceToken } = request.properties;
  const event = {
    RequestType: request.type,
    ServiceToken,
    ResponseURL: presigned(world, bucket, key),
    StackId: context.stackId,
    RequestId: requestId,
    LogicalResourceId: context.logicalId,
    ...(request.physicalId === undefined ? {} : { PhysicalResourceId: request.physicalId }),
    ResourceType: "AWS::CloudFormation::CustomResource",
    ResourceProperties: asTexts(request.properties),
    ...(request.before === undefined ? {} : { OldResourceProperties: asTexts(request.before) }),
  };
  await context.call("lambda", "Invoke", {
    FunctionName: text(ServiceToken),
    InvocationType: "Event",
    Payload: new TextEncoder().encode(JSON.stringify(event)),
  });
  const seconds = Number(request.properties.ServiceTimeout ?? DEFAULT_TIMEOUT_SECONDS);
  const answer = await context.waiting(answerOf(context, bucket, key, seconds));
  if (answer === undefined) {
    throw new ResourceHandlerError(
      `CloudFormation did not receive a response from your custom resource. Please check your logs for requestId [${requestId}].`,
      "NotStabilized",
    );
  }
  if (answer.Status === "SUCCESS") return answer;
  throw new ResourceHandlerError(
    `Received response status [FAILED] from custom resource. Message returned: ${answer.Reason ?? ""}`,
    "GeneralServiceException",
  );
}

/** Undefined when none came in time. */
async function answerOf(
  { world, signal }: ProviderContext,
  bucket: string,
  key: string,
  seconds: number,
): Promise<Answer | undefined> {
  const deadlineMs = world.clock.now() + seconds * 1000;
  for (;;) {
    const bytes = world.links.readObject(bucket, key);
    if (bytes) return JSON.parse(new TextDecoder().decode(bytes)) as Answer;
    if (signal.aborted) throw new ResourceCancelled();
    if (world.clock.now() >= deadlineMs) return undefined;
    await world.clock.sleep(POLL_MS);
  }
}

/** On AWS it belongs to CloudFormation's own account. */
async function answerBucket({ world }: ProviderContext): Promise<string> {
  const Bucket = `cloudformation-custom-resource-response-${world.region.replaceAll("-", "")}`;
  await world.call("s3", "CreateBucket", { Bucket }, world.credentials.principalFor(undefined)).catch(() => undefined);
  return Bucket;
}

/** Signatures are not checked here: the address only has to name service, region and a key of the account. */
function presigned(world: World, bucket: string, key: string): string {
  if (world.endpoint === undefined)
    throw new Error("Custom resources need the local AWS to listen: their answers come by HTTP");
  const day = new Date(world.clock.now()).toISOString().slice(0, 10).replaceAll("-", "");
  const query = new URLSearchParams({
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `local/${day}/${world.region}/s3/aws4_request`,
    "X-Amz-Expires": "7200",
    "X-Amz-Signature": "0".repeat(64),
  });
  const path = key.split("/").map(encodeURIComponent).join("/");
  return `${world.endpoint}/${bucket}/${path}?${query}`;
}

/** CloudFormation hands every scalar over as a text. */
function asTexts(value: Json): Json {
  if (Array.isArray(value)) return value.map(asTexts);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asTexts(inner)]));
  return value === null ? null : String(value);
}
