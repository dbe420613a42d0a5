import type { FlagCohorts, FlagEvidencePort } from "../../lib/core/ports.ts";
import { Calls } from "./faults.ts";

export interface TellingMinute {
  version: string;
  flag: string;
  minute: Date;
}

/** What functions told of their flags. Behaviour: `perMinute` answers for each version and minute; nothing by default. */
export class FakeFlagEvidence implements FlagEvidencePort {
  readonly calls = new Calls();
  perMinute: (asked: TellingMinute) => Omit<FlagCohorts, "version"> | undefined = () => undefined;

  async flagCohorts(query: Parameters<FlagEvidencePort["flagCohorts"]>[0]): Promise<FlagCohorts[]> {
    await this.calls.enter("flagCohorts", query);
    return query.versions.map((version) => {
      const sums = { version, on: { requests: 0, errors: 0 }, off: { requests: 0, errors: 0 } };
      for (let at = query.from.getTime(); at < query.to.getTime(); at += 60_000) {
        const told = this.perMinute({ version, flag: query.flag, minute: new Date(at) });
        for (const state of ["on", "off"] as const) {
          sums[state].requests += told?.[state].requests ?? 0;
          sums[state].errors += told?.[state].errors ?? 0;
        }
      }
      return sums;
    });
  }
}
