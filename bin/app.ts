import { App } from "aws-cdk-lib";
import { ConfigurationError, loadConfiguration } from "../lib/constructs/sample/configuration.ts";
import { platform } from "../lib/constructs/sample/platform.ts";

const { CDK_DEFAULT_ACCOUNT: account, CDK_DEFAULT_REGION: region } = process.env;

try {
  const app = new App();
  const configuration = loadConfiguration(app.node.getAllContext() as Record<string, unknown>);
  platform(app, { configuration, env: account && region ? { account, region } : undefined });
  app.synth();
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
