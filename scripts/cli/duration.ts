import { InvalidArgumentError } from "commander";

const UNIT_MINUTES: Readonly<Record<string, number>> = { m: 1, h: 60, d: 1440 };

/** `90m`, `2h`, `7d` → minutes. */
export function parseDuration(text: string): number {
  const match = /^([1-9]\d{0,5})([mhd])$/.exec(text.trim());
  if (!match) throw new InvalidArgumentError("must be a number of minutes, hours or days: 90m, 2h, 7d.");
  return Number(match[1]) * UNIT_MINUTES[match[2]!]!;
}
