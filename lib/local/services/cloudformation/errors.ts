import { AwsError } from "../../kernel/errors.ts";

/** CloudFormation's own word for every malformed or untimely request. */
export const validationError = (message: string) => new AwsError("ValidationError", message);

export const stackNotFound = (name: string) => validationError(`Stack with id ${name} does not exist`);

/** The wording of the operations on change sets, events, resources and templates (recorded 2022). */
export const bracketedStackNotFound = (name: string) => validationError(`Stack [${name}] does not exist`);

export const changeSetNotFound = (name: string) =>
  new AwsError("ChangeSetNotFoundException", `ChangeSet [${name}] does not exist`, {
    status: 404,
    queryCode: "ChangeSetNotFound",
  });

export const alreadyExists = (message: string) =>
  new AwsError("AlreadyExistsException", message, { queryCode: "AlreadyExistsException" });

export const invalidChangeSetStatus = (message: string) =>
  new AwsError("InvalidChangeSetStatusException", message, { queryCode: "InvalidChangeSetStatus" });

export const insufficientCapabilities = (capabilities: string[]) =>
  new AwsError("InsufficientCapabilitiesException", `Requires capabilities : [${capabilities.join(", ")}]`, {
    queryCode: "InsufficientCapabilitiesException",
  });
