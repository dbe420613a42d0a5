import type { Deadline } from "../../lib/core/deadline.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import type { FlagEvidencePort, Ports } from "../../lib/core/ports.ts";
import type { SweepPort } from "../../lib/core/release/watch-ports.ts";
import type { EmitMetric } from "../runtime/metrics.ts";

export type RespondPorts = Ports & { flagEvidence: FlagEvidencePort; sweep: Pick<SweepPort, "add" | "enable"> };

/** What every part of one response shares. */
export interface Response extends Deadline {
  ports: RespondPorts;
  environment: string;
  log: Log;
  emit: EmitMetric;
  /** Owner of claims: a retry by Lambda has the same, a repeated event another. */
  requestId: string;
  receivedAt: Date;
  /** Spreads the calls that the work makes, so that many aliases at once leave others their share of the limits. */
  paced: <T>(work: () => Promise<T>) => Promise<T>;
}

export const secondsSince = ({ ports }: Response, start: Date) =>
  Math.max(0, (ports.clock.now().getTime() - start.getTime()) / 1000);

/**
 * Whether this response is the one to act. When the ledger cannot be asked it is: every lever may safely be pulled
 * twice, and a rollback must not wait for the books.
 */
async function mayAct({ ports, log, requestId }: Response, deploymentId: string, claim: string): Promise<boolean> {
  try {
    const mine = await ports.ledger.claim(deploymentId, claim, requestId);
    if (!mine) log.info("someone else does this", { deploymentId, claim });
    return mine;
  } catch (error) {
    log.error("the ledger cannot be asked; going on", { deploymentId, claim, ...factsOf(error) });
    return true;
  }
}

/**
 * What one response is to do, by whoever is first. Undefined: somebody else does it, or has. It counts as done when `work` has
 * ended and `isDone` says so; until then a retry of this response does it again, and anybody once this one is gone.
 */
export async function once<T>(
  response: Response,
  deploymentId: string,
  claim: string,
  work: () => Promise<T>,
  isDone: (result: T) => boolean = () => true,
): Promise<{ result: T } | undefined> {
  if (!(await mayAct(response, deploymentId, claim))) return undefined;
  const result = await work();
  if (isDone(result)) {
    const { ledger } = response.ports;
    await bestEffort(response, `noting that "${claim}" is done`, () => ledger.complete(deploymentId, claim));
  }
  return { result };
}

/** Runs what must not hold up or fail a rollback: books and clearing up. False when it failed. */
export async function bestEffort({ log }: Response, what: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    log.error(`${what} failed`, factsOf(error));
    return false;
  }
}

/** Thrown when all is done but the books: Lambda delivers the event again, and the second time only they are left. */
export const booksOpen = (deploymentId: string) =>
  new GoaroundError("partly-done", "dependency", `the ledger does not know yet how release ${deploymentId} ended`);

/** Whether the same call may work a minute later: then Lambda's retry of the event is the remedy. */
export const mayPass = (error: unknown) =>
  !(error instanceof GoaroundError) || error.code === "throttled" || error.code === "aws-fault";
