import { type IResolvable, type IResolveContext, Lazy } from "aws-cdk-lib";

/**
 * A value of a property that is written as CloudFormation has it and refers to nothing outside its stack. The CDK takes
 * it as it stands; it would otherwise walk through it once to look for references between stacks, and once to resolve
 * it. `produce` is asked at the end, with a function that resolves what is still a token.
 */
export const templatePart = (produce: (resolve: IResolveContext["resolve"]) => unknown): IResolvable =>
  Lazy.uncachedAny({
    produce: (context) => {
      if (!context.preparing) context.registerPostProcessor({ postProcess: () => produce(context.resolve) });
      return [];
    },
  });
