import type { Capability, Parameter, RollbackConfiguration, Tag } from "@aws-sdk/client-cloudformation";
import { AwsError } from "../../../kernel/errors.ts";
import type { Principal } from "../../../kernel/service.ts";
import type { Environment } from "../engine/environment.ts";
import { insufficientCapabilities, validationError } from "../errors.ts";
import type { Stack, StackDefinition } from "../model.ts";
import { checkRules, evaluateConditions, resolveDependencies, staticScope } from "../template/define.ts";
import { resolveParameters } from "../template/parameters.ts";
import { parseTemplate, type Template } from "../template/parse.ts";

/** What CreateStack, UpdateStack and CreateChangeSet have in common. */
export interface DefinitionRequest {
  TemplateBody?: string;
  TemplateURL?: string;
  UsePreviousTemplate?: boolean;
  Parameters?: Parameter[];
  Capabilities?: Capability[];
  Tags?: Tag[];
  NotificationARNs?: string[];
  RollbackConfiguration?: RollbackConfiguration;
  RoleARN?: string;
}

export function readTemplate(
  environment: Environment,
  request: DefinitionRequest,
  previous: string | undefined,
): string {
  if (request.TemplateBody !== undefined) return request.TemplateBody;
  if (request.TemplateURL !== undefined) return readTemplateUrl(environment, request.TemplateURL);
  if (request.UsePreviousTemplate && previous !== undefined) return previous;
  throw validationError("Either Template URL or Template Body must be specified.");
}

/** Virtual-hosted and path-style S3 addresses; the host of the local endpoint counts as S3 too. */
function readTemplateUrl(environment: Environment, address: string): string {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw validationError("TemplateURL must be a supported URL.");
  }
  const hosted = /^(.+)\.s3[.-](?:[a-z0-9-]+\.)?amazonaws\.com$/.exec(url.hostname)?.[1];
  const [first = "", ...rest] = url.pathname.slice(1).split("/").map(decodeURIComponent);
  const [bucket, key] = hosted === undefined ? [first, rest.join("/")] : [hosted, [first, ...rest].join("/")];
  const bytes = environment.world.links.readObject(bucket, key);
  if (!bytes) throw validationError("S3 error: The specified key does not exist.");
  return Buffer.from(bytes).toString("utf8");
}

/** Builds and checks everything that can be checked before anything is done. */
export async function defineStack(
  environment: Environment,
  stack: Stack,
  request: DefinitionRequest,
  principal: Principal,
): Promise<StackDefinition> {
  const body = readTemplate(environment, request, stack.definition?.body);
  const template = parseTemplate(body);
  const notificationArns = request.NotificationARNs ?? stack.definition?.notificationArns ?? [];
  const readSsmParameter = async (name: string) => {
    try {
      const { Parameter: found } = await environment.world.call<{ Parameter?: { Value?: string } }>(
        "ssm",
        "GetParameter",
        { Name: name },
        principal,
      );
      return found?.Value;
    } catch (error) {
      if (error instanceof AwsError && error.code === "ParameterNotFound") return undefined;
      throw error;
    }
  };
  const previous = stack.definition?.parameters ?? {};
  const parameters = await resolveParameters(template, request.Parameters ?? [], previous, readSsmParameter);
  const scope = staticScope(template, parameters, environment.pseudo(stack, notificationArns));
  const conditions = evaluateConditions(template, scope);
  checkRules(template, scope);
  const dependencies = resolveDependencies(template, conditions);
  checkResources(environment, template, dependencies, stack);
  checkCapabilities(template, request.Capabilities ?? []);
  return {
    body,
    template,
    parameters,
    conditions,
    dependencies,
    notificationArns,
    tags: request.Tags ?? stack.definition?.tags ?? [],
    capabilities: request.Capabilities ?? [],
    rollbackConfiguration: checkedRollbackConfiguration(request.RollbackConfiguration),
    roleArn: request.RoleARN ?? stack.definition?.roleArn,
  };
}

function checkedRollbackConfiguration(given: RollbackConfiguration | undefined): RollbackConfiguration {
  if (given && ((given.RollbackTriggers?.length ?? 0) > 0 || (given.MonitoringTimeInMinutes ?? 0) > 0)) {
    throw validationError("The local AWS does not implement rollback triggers (RollbackConfiguration).");
  }
  return {};
}

/** Lists every resource type and property that the local AWS would have to ignore. */
function checkResources(
  environment: Environment,
  template: Template,
  active: Map<string, string[]>,
  stack: Stack,
): void {
  const unknownTypes = new Set<string>();
  const unhandled: string[] = [];
  const retyped: string[] = [];
  for (const [logicalId, { Type, Properties, UpdatePolicy }] of Object.entries(template.Resources)) {
    if (!active.has(logicalId)) continue;
    const type = environment.types[Type] ?? (Type.startsWith("Custom::") ? environment.types["Custom::*"] : undefined);
    if (!type) {
      unknownTypes.add(Type);
      continue;
    }
    const known = [...type.updatable, ...type.createOnly];
    if (!known.includes("*")) {
      unhandled.push(
        ...Object.keys(Properties)
          .filter((name) => !known.includes(name))
          .map((name) => `${Type}.${name} (${logicalId})`),
      );
    }
    for (const policy of Object.keys(UpdatePolicy ?? {})) {
      if (policy !== "CodeDeployLambdaAliasUpdate") unhandled.push(`UpdatePolicy ${policy} (${logicalId})`);
    }
    const record = stack.resources.get(logicalId);
    if (record && record.type !== Type) retyped.push(logicalId);
  }
  if (unknownTypes.size > 0) {
    const list = [...unknownTypes].join(", ");
    throw validationError(
      `Template format error: Unrecognized resource types: [${list}] (the local AWS does not implement them)`,
    );
  }
  if (unhandled.length > 0) {
    throw validationError(
      `The local AWS does not handle these properties, and would not behave like AWS: ${unhandled.join(", ")}`,
    );
  }
  if (retyped.length > 0) {
    throw validationError(
      `Update of resource type is not permitted. The new template modifies resource type of the following resources: [${retyped.join(", ")}]`,
    );
  }
}

const NAMED_IAM_PROPERTY: Record<string, string> = {
  "AWS::IAM::Role": "RoleName",
  "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
};

function checkCapabilities(template: Template, given: readonly string[]): void {
  const resources = Object.values(template.Resources).filter(({ Type }) => Type.startsWith("AWS::IAM::"));
  const named = resources.some(
    ({ Type, Properties }) => NAMED_IAM_PROPERTY[Type] && Properties[NAMED_IAM_PROPERTY[Type]!] !== undefined,
  );
  if (named && !given.includes("CAPABILITY_NAMED_IAM")) throw insufficientCapabilities(["CAPABILITY_NAMED_IAM"]);
  if (resources.length > 0 && !given.includes("CAPABILITY_IAM") && !given.includes("CAPABILITY_NAMED_IAM")) {
    throw insufficientCapabilities(["CAPABILITY_IAM"]);
  }
}
