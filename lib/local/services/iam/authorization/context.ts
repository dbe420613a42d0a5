import type { Principal } from "../../../kernel/service.ts";
import type { ContextKeys } from "../evaluation/conditions.ts";
import { NotEvaluable } from "../evaluation/policy.ts";
import type { Identities } from "./identities.ts";
import type { Input, Need, Place } from "./rules.ts";

/** Keys that a request may lack: those of single actions, and of what does not exist here. */
const MAY_BE_ABSENT = new Set([
  "aws:principalorgid",
  "aws:principalorgpaths",
  "aws:sourceorgid",
  "aws:sourcevpc",
  "aws:sourcevpce",
  "cloudwatch:alarmactions",
  "cloudwatch:namespace",
  "dynamodb:leadingkeys",
  "events:detail-type",
  "events:source",
  "iam:passedtoservice",
  "iam:policyarn",
  "kms:viaservice",
  "lambda:eventsourcetoken",
  "lambda:functionurlauthtype",
  "lambda:invokedviafunctionurl",
  "sns:endpoint",
  "sns:protocol",
  "sts:externalid",
  "sts:rolesessionname",
]);

/** The condition keys of one request (IAM user guide, "AWS global condition context keys", 2025). */
export function contextKeys(
  place: Place,
  identities: Identities,
  principal: Principal,
  need: Need,
  input: Input,
): ContextKeys {
  const { world } = place;
  const isService = principal.kind === "service";
  const now = () => world.clock.now();
  const values: Record<string, () => string | readonly string[] | undefined> = {
    "aws:currenttime": () => new Date(now()).toISOString(),
    "aws:epochtime": () => String(Math.floor(now() / 1000)),
    "aws:principalaccount": () => (isService ? undefined : principal.accountId),
    "aws:principalarn": () => (isService ? undefined : (principal.roleArn ?? principal.arn)),
    "aws:principalisawsservice": () => String(isService),
    "aws:principalservicename": () => (isService ? principal.arn : undefined),
    "aws:principaltype": () => (isService ? undefined : principal.kind === "role" ? "AssumedRole" : "User"),
    "aws:requestedregion": () => world.region,
    "aws:resourceaccount": () => need.resource?.split(":")[4] || world.accountId,
    "s3:resourceaccount": () => world.accountId,
    // As it would be on AWS: clients of the local AWS speak HTTP to the loopback address.
    "aws:securetransport": () => "true",
    "aws:sourceaccount": () => (isService && principal.sourceArn !== undefined ? principal.accountId : undefined),
    "aws:sourcearn": () => (isService ? principal.sourceArn : undefined),
    // Told by CloudWatch alarms, for which the default policy of a topic is enough (public reports, 2016 to 2024).
    "aws:sourceowner": () => (principal.arn === "cloudwatch.amazonaws.com" ? principal.accountId : undefined),
    "aws:tagkeys": () => Object.keys(requestTags(input)),
    "aws:userid": () => (isService ? undefined : identities.uniqueId(principal)),
    "aws:username": () => (principal.kind === "user" ? principal.arn.split("/").at(-1) : undefined),
  };
  return (name) => {
    const key = name.toLowerCase();
    const own = need.keys?.[key];
    if (own !== undefined) return own;
    const value = values[key];
    if (value) return value();
    const tag = name.slice(name.indexOf("/") + 1);
    if (key.startsWith("aws:principaltag/")) return identities.tagsOf(principal)[tag];
    if (key.startsWith("aws:requesttag/")) return requestTags(input)[tag];
    if (key.startsWith("aws:resourcetag/")) return resourceTags(place, identities, need)[tag];
    if (MAY_BE_ABSENT.has(key)) return undefined;
    throw new NotEvaluable(`the condition key ${name}`);
  };
}

type Tags = Record<string, string>;

/** Tags as requests and replies carry them: a map, or a list of pairs. */
function tagsIn(given: unknown): Tags {
  if (!Array.isArray(given)) return (given ?? {}) as Tags;
  return Object.fromEntries(
    (given as Record<string, string>[]).map((tag) => [
      tag.Key ?? tag.key ?? tag.TagKey ?? "",
      tag.Value ?? tag.value ?? tag.TagValue ?? "",
    ]),
  );
}

const requestTags = (input: Input): Tags => tagsIn(input.Tags ?? input.tags);

/** How the services whose resources policies tell apart by tags name them. */
const TAG_READERS: Record<string, { service: string; operation: string; member: string; answer: string }> = {
  appconfig: { service: "appconfig", operation: "ListTagsForResource", member: "ResourceArn", answer: "Tags" },
  cloudwatch: { service: "cloudwatch", operation: "ListTagsForResource", member: "ResourceARN", answer: "Tags" },
  codedeploy: { service: "codedeploy", operation: "ListTagsForResource", member: "ResourceArn", answer: "Tags" },
  events: { service: "eventbridge", operation: "ListTagsForResource", member: "ResourceARN", answer: "Tags" },
  lambda: { service: "lambda", operation: "ListTags", member: "Resource", answer: "Tags" },
  sns: { service: "sns", operation: "ListTagsForResource", member: "ResourceArn", answer: "Tags" },
};

function resourceTags(place: Place, identities: Identities, { action, resource = "*" }: Need): Tags {
  const [, , service = ""] = resource.split(":");
  if (service === "iam") return identities.roleTags(resource);
  const reader = TAG_READERS[service];
  if (!reader) throw new NotEvaluable(`the condition key aws:ResourceTag for ${action}`);
  // An alias or a version has the tags of its function.
  const arn = service === "lambda" ? resource.split(":").slice(0, 7).join(":") : resource;
  const found = place.read<Record<string, unknown>>(reader.service, reader.operation, { [reader.member]: arn });
  return tagsIn(found?.[reader.answer]);
}
