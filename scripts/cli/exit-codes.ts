import type { ErrorCode } from "../../lib/core/errors.ts";

/** What a command's exit code says. They are part of the interface: pipelines branch on them. */
export const EXIT = {
  done: 0,
  /** A health check, a release or a scenario ended otherwise than wished. */
  notAsExpected: 1,
  usage: 2,
  refused: 3,
  missing: 4,
  /** The same command again resumes. */
  partlyDone: 5,
  conflict: 6,
  wrongIdentity: 7,
  awsFault: 8,
  interrupted: 130,
} as const;

const BY_CODE: Record<ErrorCode, number> = {
  usage: EXIT.usage,
  refused: EXIT.refused,
  "policy-invalid": EXIT.refused,
  "appspec-invalid": EXIT.refused,
  "function-missing": EXIT.missing,
  "alias-missing": EXIT.missing,
  "version-missing": EXIT.missing,
  "deployment-missing": EXIT.missing,
  "group-missing": EXIT.missing,
  "flags-missing": EXIT.missing,
  "partly-done": EXIT.partlyDone,
  "timed-out": EXIT.partlyDone,
  conflict: EXIT.conflict,
  "wrong-identity": EXIT.wrongIdentity,
  "aws-fault": EXIT.awsFault,
  throttled: EXIT.awsFault,
  defect: EXIT.awsFault,
  interrupted: EXIT.interrupted,
};

export const exitCodeOf = (code: ErrorCode): number => BY_CODE[code];
