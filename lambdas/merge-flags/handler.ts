import { systemClock } from "../../lib/adapters/clock.ts";
import { createFlags } from "../../lib/adapters/flags.ts";
import { createHostedVersions } from "../../lib/adapters/hosted-versions.ts";
import { createLedger } from "../../lib/adapters/ledger.ts";
import { ENV } from "../../lib/contract/names.ts";
import { createLog } from "../runtime/log.ts";
import { createMergeFlags } from "./merge-flags.ts";

const options = { actor: "merge-flags" };

/** Custom resource of a flag profile. */
export const handler = createMergeFlags({
  flags: createFlags(options),
  ledger: createLedger(process.env[ENV.ledgerTable] ?? "", options),
  deleteVersions: createHostedVersions(options).deleteAll,
  clock: systemClock,
  log: createLog("merge-flags"),
  async answer(url, body) {
    // Bytes and not a text: the address is signed for a request without a content type.
    const response = await fetch(url, { method: "PUT", body: new TextEncoder().encode(JSON.stringify(body)) });
    if (!response.ok) throw new Error(`CloudFormation's answer address said ${response.status}`);
  },
});
