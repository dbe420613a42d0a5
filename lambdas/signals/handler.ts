import { gunzipSync } from "node:zlib";
import { systemClock } from "../../lib/adapters/clock.ts";
import { createSignalBooks } from "../../lib/adapters/signal-books.ts";
import { ENV } from "../../lib/contract/names.ts";
import { createLog } from "../runtime/log.ts";
import { createSignals } from "./signals.ts";

/** Batches are at most 1 MB of log before they are packed (CloudWatch Logs user guide, 2026); ten are certainly none. */
const MAX_BYTES = 10 * 1024 * 1024;

/** CloudWatch Logs, while a release is open. */
export const handler = createSignals(
  {
    books: createSignalBooks(process.env[ENV.ledgerTable] ?? "", { actor: "signals" }),
    unpack: (data) => gunzipSync(Buffer.from(data, "base64"), { maxOutputLength: MAX_BYTES }).toString("utf8"),
    now: systemClock.now,
  },
  createLog("signals"),
);
