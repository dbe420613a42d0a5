import { readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createWorld } from "../../lib/local/index.ts";
import { RESOURCE_TYPES } from "../../lib/local/services/cloudformation/providers/registry.ts";

/** `npm run docs:fidelity`: puts docs/fidelity.md together from the fragments beside it and from the code. */
const FRAGMENTS = new URL("../../docs/fidelity/", import.meta.url);
export const DOCUMENT = new URL("../../docs/fidelity.md", import.meta.url);

type Tier = "behaving" | "backing" | "recorded";

const TIERS: Record<Tier, string> = {
  behaving: "acts as the service does over time: states, delays, metrics, events, refusals",
  backing: "stores and answers as far as deployments and the guard need it",
  recorded: "remembers what it was told and gives it back, without effect",
};

/** Registered name → what people call the service, and its tier. */
const SERVICES: Record<string, { title: string; tier: Tier }> = {
  appconfig: { title: "AppConfig", tier: "behaving" },
  appconfigdata: { title: "AppConfig data", tier: "behaving" },
  cloudformation: { title: "CloudFormation", tier: "backing" },
  cloudwatch: { title: "CloudWatch", tier: "behaving" },
  "cloudwatch-logs": { title: "CloudWatch Logs", tier: "behaving" },
  codedeploy: { title: "CodeDeploy", tier: "behaving" },
  dynamodb: { title: "DynamoDB", tier: "backing" },
  eventbridge: { title: "EventBridge", tier: "behaving" },
  iam: { title: "IAM", tier: "backing" },
  kms: { title: "KMS", tier: "recorded" },
  lambda: { title: "Lambda", tier: "behaving" },
  s3: { title: "S3", tier: "backing" },
  "secrets-manager": { title: "Secrets Manager", tier: "backing" },
  sfn: { title: "Step Functions", tier: "behaving" },
  sns: { title: "SNS", tier: "behaving" },
  sqs: { title: "SQS", tier: "behaving" },
  ssm: { title: "SSM parameters", tier: "backing" },
  sts: { title: "STS", tier: "backing" },
};

/** The whole document. Throws when a service is registered that has no title and tier above. */
export function fidelityDocument(): string {
  return `${[introduction(), operations(), resourceTypes(), ...fragments()].join("\n\n").trimEnd()}\n`;
}

function introduction(): string {
  const tiers = Object.entries(TIERS).map(([tier, meaning]) => `| ${tier} | ${meaning} | ${titles(tier)} |`);
  return `<!-- Written by \`npm run docs:fidelity\` from docs/fidelity/*.md and from the code. Edit those. -->

# How faithful the local AWS is

The local AWS imitates what a release with CodeDeploy, CloudWatch alarms and AppConfig flags needs, in one process and on
one virtual clock. This page lists what it supports, on which source each behaviour rests, and what nobody has verified.
What it does not implement answers 501 and names service and operation; a resource type or property of CloudFormation
that it does not know fails the deploy, all of them named together.

| tier | meaning | services |
|---|---|---|
${tiers.join("\n")}

**verified**: stated by AWS's documentation, or recorded from the real service. **inferred**: deduced from several
sources. **unverified**: nothing found; a choice. Recordings are mostly the AWS-validated snapshots of the public
repository localstack/localstack; \`test/local/recordings.test.ts\` and the \`recordings.test.ts\` of single services hold
what is imitated word by word.`;
}

const titles = (tier: string) =>
  Object.values(SERVICES)
    .filter((service) => service.tier === tier)
    .map(({ title }) => title)
    .join(", ");

function operations(): string {
  const { services } = createWorld();
  const rows = Object.values(services)
    .map(({ name, operations: supported }) => {
      const service = SERVICES[name];
      if (!service) throw new Error(`${name} has no title and tier in scripts/docs/fidelity.ts`);
      const names = Object.keys(supported).sort();
      return { title: service.title, row: `| ${service.title} | ${names.length} | ${names.join(", ")} |` };
    })
    .sort((left, right) => left.title.localeCompare(right.title, "en"));
  return `## Supported operations

| service | number | operations |
|---|---|---|
${rows.map(({ row }) => row).join("\n")}`;
}

function resourceTypes(): string {
  const byService = new Map<string, string[]>();
  for (const type of Object.keys(RESOURCE_TYPES).sort()) {
    const [vendor, service = "", name = ""] = type.split("::");
    const group = vendor === "AWS" && name ? `AWS::${service}` : type;
    byService.set(group, [...(byService.get(group) ?? []), name || type]);
  }
  const rows = [...byService].map(([service, names]) => `| \`${service}\` | ${names.join(", ")} |`);
  return `## Supported resource types of CloudFormation

| service | types |
|---|---|
${rows.join("\n")}`;
}

/** The fragments in alphabetical order; whatever the level of its first heading, each becomes a chapter. */
function fragments(): string[] {
  const files = readdirSync(FRAGMENTS).filter((file) => file.endsWith(".md"));
  return files.sort().map((file) => {
    const text = readFileSync(new URL(file, FRAGMENTS), "utf8").trim();
    const top = /^#+/.exec(text)?.[0].length ?? 2;
    let fenced = false;
    const lines = text.split("\n").map((line) => {
      if (line.startsWith("```")) fenced = !fenced;
      return fenced ? line : line.replace(/^(#+) /, (_, marks: string) => `${"#".repeat(marks.length - top + 2)} `);
    });
    return lines.join("\n");
  });
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  writeFileSync(DOCUMENT, fidelityDocument());
}
