import type { Stack, StackDefinition } from "../model.ts";
import { evaluate } from "../template/intrinsics.ts";
import type { Environment } from "./environment.ts";
import type { OperationRun } from "./provider-calls.ts";

/** Values of the outputs whose condition holds; refuses an export name that another stack has taken. */
export function evaluateOutputs({ environment, stack }: OperationRun, definition: StackDefinition): Stack["outputs"] {
  const scope = environment.scope(stack, definition, (logicalId) => stack.resources.get(logicalId));
  return Object.entries(definition.template.Outputs)
    .filter(([, output]) => output.Condition === undefined || definition.conditions[output.Condition] === true)
    .map(([key, output]) => {
      const exportName = output.Export && String(evaluate(output.Export.Name, scope));
      const owner = environment.stacks.find(
        (other) => other !== stack && other.outputs.some((item) => exportName && item.exportName === exportName),
      );
      if (owner && owner.status !== "DELETE_COMPLETE") {
        throw new Error(
          `Export with name ${exportName} is already exported by stack ${owner.name}. Rule for exports: names are unique in an account and Region.`,
        );
      }
      return { key, value: String(evaluate(output.Value, scope)), description: output.Description, exportName };
    });
}

/** Why a stack cannot be deleted, when another one imports from it. */
export function exportInUse(environment: Environment, stack: Stack): string | undefined {
  for (const { exportName } of stack.outputs) {
    const importers = exportName === undefined ? [] : importersOf(environment, exportName);
    if (importers.length > 0) {
      return `Export ${exportName} cannot be deleted as it is in use by ${importers.map((other) => other.name).join(" and ")}`;
    }
  }
  return undefined;
}

/** The stacks whose deployed template imports an export. */
export function importersOf(environment: Environment, exportName: string): Stack[] {
  return environment.stacks.filter((stack) => {
    const definition = stack.definition;
    if (!definition || stack.status === "DELETE_COMPLETE") return false;
    const scope = environment.scope(stack, definition, (logicalId) => stack.resources.get(logicalId));
    return (
      JSON.stringify(definition.template.Resources).includes("Fn::ImportValue") &&
      importsOf(definition.template.Resources as never, scope).has(exportName)
    );
  });
}

function importsOf(value: unknown, scope: ReturnType<Environment["scope"]>): Set<string> {
  const found = new Set<string>();
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    for (const [key, inner] of Object.entries(node)) {
      if (key === "Fn::ImportValue") found.add(String(evaluate(inner, scope)));
      visit(inner);
    }
  };
  visit(value);
  return found;
}
