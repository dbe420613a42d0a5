import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { App } from "aws-cdk-lib";
import { ConfigurationError, DEFAULT_FILE, loadConfiguration } from "../lib/constructs/sample/configuration.ts";
import { platform } from "../lib/constructs/sample/platform.ts";

const { CDK_DEFAULT_ACCOUNT: account, CDK_DEFAULT_REGION: region } = process.env;

/** Of the folder in which the app is run, or else the one that comes with the app. */
const configurationFile = existsSync(DEFAULT_FILE)
  ? DEFAULT_FILE
  : fileURLToPath(new URL(`../${DEFAULT_FILE}`, import.meta.url));

/** Behaviour of the CDK that is chosen here and not in cdk.json, so that every way to run the app gives the same. */
const FEATURES = {
  "@aws-cdk/aws-lambda:recognizeLayerVersion": true,
  "@aws-cdk/aws-lambda:recognizeVersionProps": true,
  "@aws-cdk/core:validateAgainstDefaultRules": true,
};

try {
  const app = new App({ context: FEATURES });
  const configuration = loadConfiguration(app.node.getAllContext() as Record<string, unknown>, configurationFile);
  platform(app, { configuration, env: account && region ? { account, region } : undefined });
  app.synth();
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
