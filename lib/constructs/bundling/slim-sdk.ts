import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";

/**
 * Clients that speak JSON: an error's name travels in the reply, so an error that is not registered still arrives with
 * its name and message, as the service's base exception (`getErrorSchemaOrThrowBaseException` in @aws-sdk/core, 2026).
 * Clients that speak the query protocol (CloudWatch, SNS) translate codes into names by their registry and keep it.
 */
const SCHEMAS =
  /@aws-sdk[\\/]client-(appconfig|appconfigdata|codedeploy|dynamodb|eventbridge|lambda|ssm)[\\/]dist-es[\\/]schemas[\\/]schemas_\d+\.js$/;

const REGISTRATION = /^n\d+_registry\.registerError\(.*\);$/gm;
const SCHEMA = /^((?:export )?var \w+\$? = )(\[[\s\S]*?\]);$/gm;
/** `{ [_hE]: 404 }`: calculating a key might have an effect, so esbuild keeps every schema that has one. */
const COMPUTED_KEY = /\{\s*\[/;

/**
 * Lets esbuild drop what a Lambda does not call: the schemas of other operations, and all error classes with theirs.
 * Takes a third off a bundle with eight clients. Code that runs in these bundles goes by `error.name`, never by
 * `instanceof`.
 */
export const slimSdk: Plugin = {
  name: "slim-sdk",
  setup(build) {
    build.onLoad({ filter: SCHEMAS }, async ({ path }) => ({
      contents: slim(await readFile(path, "utf8")),
      loader: "js",
    }));
  },
};

export const slim = (source: string): string =>
  source
    .replace(REGISTRATION, "")
    .replace(SCHEMA, (whole, head: string, value: string) =>
      COMPUTED_KEY.test(value) ? `${head}/* @__PURE__ */ (() => ${value})();` : whole,
    );
