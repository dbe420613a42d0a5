import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { zipSync } from "fflate";
import type { LocalAws } from "../../lib/local/index.ts";
import type { Assemblies, Deployer, DeployRequest, DeployResult } from "./deployer.ts";

interface AssetManifest {
  files?: Record<
    string,
    {
      source: { path: string; packaging: "zip" | "file" };
      destinations: Record<string, { bucketName: string; objectKey: string }>;
    }
  >;
}

interface StackArtifact {
  id: string;
  stackName: string;
  template: string;
  assets: AssetManifest;
  dependencies: string[];
}

/** Real milliseconds between looks at a stack: whoever drives the clock decides how much virtual time that is. */
const REAL_POLL_MS = 5;

/**
 * Deploys a synthesized app through the CloudFormation API itself, without the CDK CLI's start-up and polling. The
 * stacks, assets and change sets are those that the CLI would make; it serves runs of many scenarios.
 */
export class AssemblyDeployer implements Deployer {
  private readonly aws: LocalAws;
  private readonly assemblies: Assemblies;
  private readonly rewrite: (template: string) => string;

  constructor(aws: LocalAws, assemblies: Assemblies, rewrite: (template: string) => string = (template) => template) {
    this.aws = aws;
    this.assemblies = assemblies;
    this.rewrite = rewrite;
  }

  async deploy(request: DeployRequest): Promise<DeployResult> {
    const folder = await this.assemblies.synthesize(request.context);
    const stacks = inOrder(readStacks(folder));
    const wanted = stacks.filter((stack) => request.stacks.length === 0 || request.stacks.includes(stack.stackName));
    for (const stack of wanted) {
      await this.publish(folder, stack.assets);
      const status = await this.update(stack);
      if (!/^(CREATE|UPDATE)_COMPLETE$/.test(status))
        return { ok: false, output: `${stack.stackName} is in ${status}` };
    }
    return { ok: true, output: "" };
  }

  private async publish(folder: string, manifest: AssetManifest): Promise<void> {
    for (const file of Object.values(manifest.files ?? {})) {
      const path = join(folder, file.source.path);
      const Body = file.source.packaging === "zip" ? zipSync(readTree(path)) : readFileSync(path);
      for (const destination of Object.values(file.destinations)) {
        const { accountId, region, partition } = this.aws.world;
        const pseudo: Record<string, string> = { AccountId: accountId, Region: region, Partition: partition };
        const resolve = (text: string) => text.replace(/\$\{AWS::(\w+)\}/g, (whole, name) => pseudo[name] ?? whole);
        await this.call("s3", "PutObject", {
          Bucket: resolve(destination.bucketName),
          Key: destination.objectKey,
          Body,
        });
      }
    }
  }

  private async update(stack: StackArtifact): Promise<string> {
    const exists = await this.status(stack.stackName);
    const ChangeSetName = `rehearsal-${this.aws.clock.now()}`;
    await this.call("cloudformation", "CreateChangeSet", {
      StackName: stack.stackName,
      ChangeSetName,
      ChangeSetType: exists ? "UPDATE" : "CREATE",
      TemplateBody: this.rewrite(stack.template),
      Capabilities: ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    });
    const target = { StackName: stack.stackName, ChangeSetName };
    const changeSet = await this.call<{ Status: string; StatusReason?: string }>(
      "cloudformation",
      "DescribeChangeSet",
      target,
    );
    if (changeSet.Status === "FAILED") {
      await this.call("cloudformation", "DeleteChangeSet", target);
      return /didn't contain changes|No updates/.test(changeSet.StatusReason ?? "")
        ? "UPDATE_COMPLETE"
        : (changeSet.StatusReason ?? "FAILED");
    }
    await this.call("cloudformation", "ExecuteChangeSet", target);
    for (;;) {
      const status = (await this.status(stack.stackName)) ?? "gone";
      if (!status.endsWith("_IN_PROGRESS")) return status;
      await new Promise((resolve) => setTimeout(resolve, REAL_POLL_MS));
    }
  }

  private async status(StackName: string): Promise<string | undefined> {
    try {
      const { Stacks } = await this.call<{ Stacks: { StackStatus: string }[] }>("cloudformation", "DescribeStacks", {
        StackName,
      });
      return Stacks[0]?.StackStatus;
    } catch {
      return undefined;
    }
  }

  private call<T>(service: string, operation: string, input: Record<string, unknown>): Promise<T> {
    return this.aws.world.call<T>(service, operation, input, this.aws.world.credentials.principalFor(undefined));
  }
}

function readStacks(folder: string): StackArtifact[] {
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as {
    artifacts: Record<
      string,
      { type: string; dependencies?: string[]; properties?: { templateFile?: string; stackName?: string } }
    >;
  };
  return Object.entries(manifest.artifacts)
    .filter(([, artifact]) => artifact.type === "aws:cloudformation:stack")
    .map(([id, artifact]) => ({
      id,
      stackName: artifact.properties?.stackName ?? id,
      template: readFileSync(join(folder, artifact.properties?.templateFile ?? `${id}.template.json`), "utf8"),
      assets: JSON.parse(readFileSync(join(folder, `${id}.assets.json`), "utf8")) as AssetManifest,
      dependencies: artifact.dependencies ?? [],
    }));
}

/** Stacks after those they depend on. */
function inOrder(stacks: StackArtifact[]): StackArtifact[] {
  const ordered: StackArtifact[] = [];
  const visit = (stack: StackArtifact) => {
    if (ordered.includes(stack)) return;
    for (const id of stack.dependencies) {
      const dependency = stacks.find((other) => other.id === id);
      if (dependency) visit(dependency);
    }
    ordered.push(stack);
  };
  for (const stack of stacks) visit(stack);
  return ordered;
}

/** The files of a folder as a zip's entries, all with one date: the same content gives the same archive. */
function readTree(folder: string, prefix = ""): Record<string, [Uint8Array, { mtime: string }]> {
  const entries: Record<string, [Uint8Array, { mtime: string }]> = {};
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) Object.assign(entries, readTree(path, `${prefix}${name}/`));
    else entries[`${prefix}${name}`] = [readFileSync(path), { mtime: "1980-01-01T00:00:00Z" }];
  }
  return entries;
}
