import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Assemblies } from "../../scripts/rehearse/deployer.ts";
import { addUsage, type BillLine, bill, type Resources, standingUsage, times, type Usage } from "./bill.ts";
import { HOURS_IN_A_MONTH } from "./tally.ts";
import { measureRelease, type ReleaseUsage } from "./usage.ts";

/** What is assumed of people and traffic; everything else is counted. */
export const ASSUMED = {
  releasesAMonth: 20,
  rolledBackOutOf: 10,
  /** Environments of a function that are warm around the clock and poll for flags. */
  sandboxes: 10,
  sandboxHours: 2,
  pollSeconds: 15,
};

export interface MoneyResult {
  releases: ReleaseUsage[];
  /** A month of the guard and the flags' stack without a release, and of one function. */
  guard: Usage;
  perFunction: Usage;
  flags: Usage;
  months: { functions: number; lines: BillLine[] }[];
}

const APP = "node --import tsx bin/app.ts";

export async function measureMoney(): Promise<MoneyResult> {
  const assemblies = new Assemblies(APP, {});
  try {
    const folder = await assemblies.synthesize({ env: "dev" });
    const standing = (stack: string) => standingUsage(templateOf(folder, stack));
    const guard = addUsage(standing("goaround-dev-guard"), standing("goaround-dev-flags"));
    const perFunction = standing("goaround-dev-lambda-router");
    const good = await measureRelease("healthy", APP);
    const bad = await measureRelease("high-error-rate", APP);
    const badShare = 1 / ASSUMED.rolledBackOutOf;
    const releases = addUsage(
      times(good.usage, ASSUMED.releasesAMonth * (1 - badShare)),
      times(bad.usage, ASSUMED.releasesAMonth * badShare),
    );
    const months = [1, 10, 100].map((functions) => ({
      functions,
      lines: bill(addUsage(guard, times(addUsage(perFunction, releases), functions))),
    }));
    return { releases: [good, bad], guard, perFunction, flags: flagUsage(), months };
  } finally {
    assemblies.dispose();
  }
}

const templateOf = (folder: string, stack: string) =>
  (JSON.parse(readFileSync(join(folder, `${stack}.template.json`), "utf8")) as { Resources: Resources }).Resources;

/** Reading flags, for each function that reads them: every warm environment polls, every new one receives the flags. */
function flagUsage(): Usage {
  const { sandboxes, sandboxHours, pollSeconds } = ASSUMED;
  return {
    flagRequest: (sandboxes * HOURS_IN_A_MONTH * 3600) / pollSeconds,
    flagReceived: (sandboxes * HOURS_IN_A_MONTH) / sandboxHours,
  };
}
