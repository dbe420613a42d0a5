import type { SeededRandom } from "../../kernel/random.ts";

/** One request, as the model of a function sees it. */
export interface ModelledInvocation {
  functionName: string;
  version: string;
  /** Start of the invocation, virtual epoch milliseconds. */
  atMs: number;
  coldStart: boolean;
  /** Which of the version's execution environments, from 1 in the order in which they were started; absent for Invoke. */
  environment?: number;
  /** The event of a direct Invoke; absent for traffic. */
  payload?: unknown;
  random: SeededRandom;
}

export interface ModelledOutcome {
  /** `timeout` and `hang` last as long as the function's timeout; `exit` is a process that ends without an answer. */
  outcome: "ok" | "error" | "timeout" | "exit" | "hang";
  /** Duration as Lambda measures it: without initialization. */
  durationMs: number;
  /** Initialization of a cold start. */
  initMs?: number;
  /** The answer. Without it a Node.js function with code is asked for real; else the answer is null. */
  response?: unknown;
  errorType?: string;
  errorMessage?: string;
  /** Lines that the function writes to its log. */
  log?: readonly string[];
}

/** How a function behaves that is not (always) run. Pure: all chance comes from `random`. */
export type FunctionModel = (invocation: ModelledInvocation) => ModelledOutcome;
