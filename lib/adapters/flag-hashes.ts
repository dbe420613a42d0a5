import { createHash } from "node:crypto";
import type { FlagHashes } from "../core/ports.ts";
import { canonical } from "../core/release/flag-document.ts";

/** Two, because code and run time change different halves of a content. */
export const flagHashes = ({ values = {}, ...definitions }: Record<string, unknown>): FlagHashes => ({
  definitionsSha256: sha256(canonical(definitions)),
  valuesSha256: sha256(canonical(values)),
});

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
