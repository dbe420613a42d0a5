import { App } from "aws-cdk-lib";
import { ConfigurationError, loadConfiguration } from "../lib/constructs/sample/configuration.ts";
import { platform } from "../lib/constructs/sample/platform.ts";

const { CDK_DEFAULT_ACCOUNT: account, CDK_DEFAULT_REGION: region } = process.env;

/** Behaviour of the CDK that is chosen here and not in cdk.json, so that every way to run the app gives the same. */
const FEATURES = {
  "@aws-cdk/aws-lambda:recognizeLayerVersion": true,
  "@aws-cdk/aws-lambda:recognizeVersionProps": true,
  "@aws-cdk/core:validateAgainstDefaultRules": true,
};

try {
  const app = new App({ context: FEATURES });
  const configuration = loadConfiguration(app.node.getAllContext() as Record<string, unknown>);
  platform(app, { configuration, env: account && region ? { account, region } : undefined });
  app.synth();
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
