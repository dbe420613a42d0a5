import type {
  CreateStateMachineInput,
  DescribeStateMachineInput,
  ListStateMachinesInput,
  ListTagsForResourceInput,
  TagResourceInput,
  UntagResourceInput,
  UpdateStateMachineInput,
} from "@aws-sdk/client-sfn";
import { AwsError, notImplemented } from "../../kernel/errors.ts";
import type { World } from "../../kernel/service.ts";
import { constraint, invalidArn, machineDeleting, machineExists } from "./errors.ts";
import { checkName } from "./executions.ts";
import { parseDefinition } from "./parse-definition.ts";
import type { StateMachine } from "./records.ts";
import { page, type StepFunctionsStore } from "./store.ts";

const ROLE_ARN = /^arn:aws[a-z-]*:iam::\d{12}:role\/.+$/;

export function machineOperations(world: World, store: StepFunctionsStore) {
  const random = world.random.fork("stepfunctions/machines");
  const now = () => new Date(world.clock.now());

  return {
    CreateStateMachine: (input: CreateStateMachineInput) => {
      const { name = "", definition = "", roleArn = "" } = input;
      refuseWhatIsMissing("CreateStateMachine", input);
      checkName(name);
      checkRole(roleArn);
      checkLogging(input.loggingConfiguration);
      const parsed = parseDefinition(definition);
      const arn = store.machineArn(name);
      const before = store.machines.get(arn);
      if (before?.deleting) throw machineDeleting(arn);
      // The same request again answers the same; role and tags do not count (API reference, CreateStateMachine, 2026).
      if (before && before.definitionText !== definition) throw machineExists(arn);
      if (before) return { stateMachineArn: arn, creationDate: new Date(before.createdMs) };
      store.machines.set(arn, {
        arn,
        name,
        definitionText: definition,
        definition: parsed,
        roleArn,
        logging: input.loggingConfiguration,
        tracing: input.tracingConfiguration,
        createdMs: world.clock.now(),
        revisionId: undefined,
        deleting: false,
        tags: new Map((input.tags ?? []).map(({ key = "", value = "" }) => [key, value])),
      });
      return { stateMachineArn: arn, creationDate: now() };
    },
    UpdateStateMachine: (input: UpdateStateMachineInput) => {
      const machine = store.machine(input.stateMachineArn);
      refuseWhatIsMissing("UpdateStateMachine", input);
      if (machine.deleting) throw machineDeleting(machine.arn);
      const { definition, roleArn, loggingConfiguration, tracingConfiguration } = input;
      if (!definition && !roleArn && !loggingConfiguration && !tracingConfiguration) {
        throw new AwsError(
          "MissingRequiredParameter",
          "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
        );
      }
      if (roleArn) checkRole(roleArn);
      checkLogging(loggingConfiguration);
      if (definition) {
        machine.definition = parseDefinition(definition);
        machine.definitionText = definition;
      }
      if (roleArn) machine.roleArn = roleArn;
      if (loggingConfiguration) machine.logging = loggingConfiguration;
      if (tracingConfiguration) machine.tracing = tracingConfiguration;
      machine.revisionId = random.uuid();
      return { updateDate: now(), revisionId: machine.revisionId };
    },
    DescribeStateMachine: (input: DescribeStateMachineInput) => describe(store.machine(input.stateMachineArn)),
    DeleteStateMachine: ({ stateMachineArn = "" }: { stateMachineArn?: string }) => {
      if (!stateMachineArn.startsWith("arn:")) throw invalidArn(stateMachineArn);
      // Deleting what is not there is no error (recorded); executions end at their next transition.
      const machine = store.machines.get(stateMachineArn);
      if (!machine) return {};
      machine.deleting = true;
      const running = store.executionsOf(machine).some(({ status }) => status === "RUNNING");
      if (!running) store.machines.delete(machine.arn);
      return {};
    },
    ListStateMachines: ({ nextToken, maxResults }: ListStateMachinesInput) => {
      if ((maxResults ?? 0) > 1000) throw constraint("maxResults", maxResults, "have value less than or equal to 1000");
      const machines = [...store.machines.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      const { items, ...next } = page(machines, nextToken, maxResults);
      const stateMachines = items.map(({ arn, name, createdMs }) => ({
        stateMachineArn: arn,
        name,
        type: "STANDARD",
        creationDate: new Date(createdMs),
      }));
      return { stateMachines, ...next };
    },
    TagResource: ({ resourceArn, tags = [] }: TagResourceInput) => {
      const machine = tagged(store, resourceArn);
      for (const { key = "", value = "" } of tags) machine.tags.set(key, value);
      return {};
    },
    UntagResource: ({ resourceArn, tagKeys = [] }: UntagResourceInput) => {
      const machine = tagged(store, resourceArn);
      for (const key of tagKeys) machine.tags.delete(key);
      return {};
    },
    ListTagsForResource: ({ resourceArn }: ListTagsForResourceInput) => ({
      tags: [...tagged(store, resourceArn).tags].map(([key, value]) => ({ key, value })),
    }),
  };
}

function tagged(store: StepFunctionsStore, arn = ""): StateMachine {
  const machine = store.machines.get(arn);
  if (!machine)
    throw new AwsError("ResourceNotFound", `Resource not found: '${arn}'`, { members: { resourceName: arn } });
  return machine;
}

const describe = (machine: StateMachine) => ({
  stateMachineArn: machine.arn,
  name: machine.name,
  status: machine.deleting ? "DELETING" : "ACTIVE",
  definition: machine.definitionText,
  roleArn: machine.roleArn,
  type: "STANDARD",
  creationDate: new Date(machine.createdMs),
  loggingConfiguration: { level: "OFF", includeExecutionData: false, ...machine.logging },
  tracingConfiguration: { enabled: false, ...machine.tracing },
  ...(machine.revisionId === undefined ? {} : { revisionId: machine.revisionId }),
});

/** The log group of a state machine that logs; undefined when it does not. */
export const logGroupOf = ({ logging }: Pick<StateMachine, "logging">): string | undefined =>
  logging?.level === "ALL"
    ? /^arn:[^:]+:logs:[^:]+:[^:]+:log-group:(.+):\*$/.exec(destinationOf(logging) ?? "")?.[1]
    : undefined;

const destinationOf = (logging: StateMachine["logging"]) =>
  logging?.destinations?.[0]?.cloudWatchLogsLogGroup?.logGroupArn;

/** A group's ARN must end in `:*` (Step Functions guide, "Logging in CloudWatch Logs", 2026); text unverified. */
function checkLogging(logging: StateMachine["logging"]): void {
  if ((logging?.level ?? "OFF") === "OFF" || logGroupOf({ logging: { ...logging, level: "ALL" } })) return;
  throw new AwsError(
    "InvalidLoggingConfiguration",
    "Invalid Logging Configuration: Must specify exactly one Log Destination.",
  );
}

function checkRole(roleArn: string): void {
  if (!ROLE_ARN.test(roleArn)) throw new AwsError("InvalidArn", `Invalid Role Arn: '${roleArn}'`);
}

/** Express workflows, versions, partial logs and keys have effects that the local AWS does not have. */
function refuseWhatIsMissing(operation: string, input: CreateStateMachineInput | UpdateStateMachineInput): void {
  const wanted = {
    "type EXPRESS": "type" in input && input.type !== undefined && input.type !== "STANDARD",
    "publishing of versions": input.publish === true,
    "logging of errors only": ["ERROR", "FATAL"].includes(input.loggingConfiguration?.level ?? "OFF"),
    encryption: input.encryptionConfiguration !== undefined,
  };
  const missing = Object.keys(wanted).filter((what) => wanted[what as keyof typeof wanted]);
  if (missing.length > 0) throw notImplemented("sfn", operation, missing.join(", "));
}
