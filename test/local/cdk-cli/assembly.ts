import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ACCOUNT = "111122223333";
const REGION = "us-east-1";
/** The schema version that aws-cdk-lib 2.271.0 writes. */
const VERSION = "54.0.0";

export interface AssemblyStack {
  resources: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  /** Names of stacks that must be deployed before. */
  after?: string[];
  /** Directories that become zip assets, by object key. */
  zips?: Record<string, string>;
}

/** What every stack of the CDK's default synthesizer carries. */
const BOOTSTRAP_CHECK = {
  Parameters: {
    BootstrapVersion: {
      Type: "AWS::SSM::Parameter::Value<String>",
      Default: "/cdk-bootstrap/hnb659fds/version",
      Description: "Version of the CDK Bootstrap resources in this environment. [cdk:skip]",
    },
  },
  Rules: {
    CheckBootstrapVersion: {
      Assertions: [
        {
          Assert: { "Fn::Not": [{ "Fn::Contains": [["1", "2", "3", "4", "5"], { Ref: "BootstrapVersion" }] }] },
          AssertDescription: "CDK bootstrap stack version 6 required.",
        },
      ],
    },
  },
};

/** Writes a cloud assembly as synthesis would, without loading aws-cdk-lib. */
export function writeAssembly(folder: string, stacks: Record<string, AssemblyStack>): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const write = (file: string, content: unknown) =>
    writeFileSync(join(folder, file), JSON.stringify(content, undefined, 1));
  const artifacts: Record<string, unknown> = {};
  const role = (name: string) =>
    `arn:\${AWS::Partition}:iam::${ACCOUNT}:role/cdk-hnb659fds-${name}-${ACCOUNT}-${REGION}`;
  const bucket = `cdk-hnb659fds-assets-${ACCOUNT}-${REGION}`;
  for (const [name, stack] of Object.entries(stacks)) {
    const template = { Resources: stack.resources, Outputs: stack.outputs, ...BOOTSTRAP_CHECK };
    const hash = createHash("sha256").update(JSON.stringify(template)).digest("hex");
    const destination = (objectKey: string) => ({
      current: { bucketName: bucket, objectKey, region: REGION, assumeRoleArn: role("file-publishing-role") },
    });
    const zips = Object.entries(stack.zips ?? {}).map(([key, path]) => [
      key.replace(/\.zip$/, ""),
      { displayName: key, source: { path, packaging: "zip" }, destinations: destination(key) },
    ]);
    write(`${name}.template.json`, template);
    write(`${name}.assets.json`, {
      version: VERSION,
      files: {
        ...Object.fromEntries(zips),
        [hash]: {
          displayName: `${name} Template`,
          source: { path: `${name}.template.json`, packaging: "file" },
          destinations: destination(`${hash}.json`),
        },
      },
      dockerImages: {},
    });
    const bootstrap = { bootstrapStackVersionSsmParameter: "/cdk-bootstrap/hnb659fds/version" };
    artifacts[`${name}.assets`] = {
      type: "cdk:asset-manifest",
      properties: { file: `${name}.assets.json`, requiresBootstrapStackVersion: 6, ...bootstrap },
    };
    artifacts[name] = {
      type: "aws:cloudformation:stack",
      environment: `aws://${ACCOUNT}/${REGION}`,
      properties: {
        templateFile: `${name}.template.json`,
        terminationProtection: false,
        assumeRoleArn: role("deploy-role"),
        cloudFormationExecutionRoleArn: role("cfn-exec-role"),
        stackTemplateAssetObjectUrl: `s3://${bucket}/${hash}.json`,
        requiresBootstrapStackVersion: 6,
        ...bootstrap,
        additionalDependencies: [`${name}.assets`],
        lookupRole: { arn: role("lookup-role"), requiresBootstrapStackVersion: 8, ...bootstrap },
      },
      dependencies: [`${name}.assets`, ...(stack.after ?? [])],
      displayName: name,
    };
  }
  write("manifest.json", { version: VERSION, artifacts });
  write("cdk.out", { version: VERSION });
  return folder;
}
