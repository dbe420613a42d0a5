import { AwsError } from "../../../kernel/errors.ts";
import { anything, type Input, needs, type PassedRole, type Place, rulesOf } from "./rules.ts";

const machine = (name: string | undefined, place: Place) => place.arn("states", `stateMachine:${name}`);
const onMachine = (input: Input) => input.stateMachineArn as string | undefined;
const onExecution = (input: Input) => input.executionArn as string | undefined;
const onTagged = (input: Input) => input.resourceArn as string | undefined;
const onNamed = (input: Input, place: Place) => machine(input.name, place);

const machineRole =
  (arnOf: (input: Input, place: Place) => string | undefined) =>
  (input: Input, place: Place): PassedRole[] =>
    input.roleArn === undefined
      ? []
      : [
          {
            roleArn: input.roleArn,
            service: "states.amazonaws.com",
            sourceArn: arnOf(input, place),
            // Text: public reports, 2018 to 2025.
            refusal: new AwsError(
              "AccessDeniedException",
              `Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the provided role.`,
            ),
          },
        ];

export const stepFunctionsRules = rulesOf("states", {
  CreateStateMachine: {
    needs: (input, place) => needs("states:CreateStateMachine", onNamed(input, place)),
    passes: machineRole(onNamed),
  },
  UpdateStateMachine: {
    needs: (input) => needs("states:UpdateStateMachine", onMachine(input)),
    passes: machineRole(onMachine),
  },
  DescribeStateMachine: onMachine,
  DeleteStateMachine: onMachine,
  ListStateMachines: anything,
  TagResource: onTagged,
  UntagResource: onTagged,
  ListTagsForResource: onTagged,
  StartExecution: onMachine,
  StopExecution: onExecution,
  DescribeExecution: onExecution,
  ListExecutions: onMachine,
  GetExecutionHistory: onExecution,
});
