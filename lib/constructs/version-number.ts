import { Lazy, Stack, Token } from "aws-cdk-lib";
import type { IVersion } from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";

/**
 * The number of a function's current version, for the alias and the nine places that its alarms name it in. The CDK hashes the whole
 * function each time it resolves `version.version`, and resolves everything three times; for a hundred functions that
 * was half of the synthesis. Inside one stack the first pass, which looks for references between stacks, has nothing to
 * find, and after it the answer does not change.
 */
export function versionNumber(scope: Construct, version: IVersion): string {
  const stack = Stack.of(scope);
  if (Stack.of(version) !== stack) return version.version;
  let prepared = false;
  let number: unknown;
  return Token.asString(
    Lazy.uncachedAny({
      produce: (context) => {
        if (context.preparing) {
          prepared = true;
          number = undefined;
          return "";
        }
        // Before synthesis (`stack.resolve` by hand) the function may still change.
        if (!prepared) return version.version;
        number ??= stack.resolve(version.version);
        return number;
      },
    }),
  );
}
