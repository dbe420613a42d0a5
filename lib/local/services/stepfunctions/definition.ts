import type { Condition } from "./choice-rules.ts";

/**
 * A parsed state machine: the part of the Amazon States Language (specification at states-language.net, 2016 to 2024)
 * that the local AWS runs. Paths are checked; what is not here was refused when the definition was read.
 */
export interface Definition {
  startAt: string;
  timeoutSeconds: number | undefined;
  states: ReadonlyMap<string, State>;
}

interface Common {
  name: string;
  inputPath: string | null;
  outputPath: string | null;
}

/** Where the execution goes from a state that is left in the ordinary way; undefined ends it. */
interface Following {
  next: string | undefined;
}

export interface Retrier {
  errorEquals: readonly string[];
  intervalSeconds: number;
  maxAttempts: number;
  backoffRate: number;
  maxDelaySeconds: number | undefined;
  fullJitter: boolean;
}

export interface Catcher {
  errorEquals: readonly string[];
  next: string;
  resultPath: string | null;
}

export interface TaskState extends Common, Following {
  type: "Task";
  parameters: unknown;
  resultSelector: unknown;
  resultPath: string | null;
  timeoutSeconds: number | undefined;
  retry: readonly Retrier[];
  catch: readonly Catcher[];
}

export interface PassState extends Common, Following {
  type: "Pass";
  /** Undefined: the input. */
  result: unknown;
  parameters: unknown;
  resultPath: string | null;
}

export interface WaitState extends Common, Following {
  type: "Wait";
  seconds: number | undefined;
  secondsPath: string | undefined;
  timestamp: string | undefined;
  timestampPath: string | undefined;
}

export interface ChoiceState extends Common {
  type: "Choice";
  choices: readonly { condition: Condition; next: string }[];
  otherwise: string | undefined;
}

export interface SucceedState extends Common {
  type: "Succeed";
}

export interface FailState extends Common {
  type: "Fail";
  error: string | undefined;
  cause: string | undefined;
}

export type State = TaskState | PassState | WaitState | ChoiceState | SucceedState | FailState;
