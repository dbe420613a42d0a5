/** How CloudWatch writes times and numbers in texts (recordings and event samples of 2019 to 2026). */

const two = (value: number) => String(value).padStart(2, "0");

/** `2019-10-02T17:04:40.989+0000`: no colon in the offset. */
export function eventTimestamp(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "+0000");
}

/** `26/10/23 16:42:00`, day first. */
export function reasonTimestamp(ms: number): string {
  const at = new Date(ms);
  const day = `${two(at.getUTCDate())}/${two(at.getUTCMonth() + 1)}/${two(at.getUTCFullYear() % 100)}`;
  return `${day} ${at.toISOString().slice(11, 19)}`;
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = "January February March April May June July August September October November December".split(" ");

/** `Sunday 30 October, 2022 20:47:35 UTC`. */
export function longTimestamp(ms: number): string {
  const at = new Date(ms);
  const day = `${DAYS[at.getUTCDay()]} ${two(at.getUTCDate())} ${MONTHS[at.getUTCMonth()]}, ${at.getUTCFullYear()}`;
  return `${day} ${at.toISOString().slice(11, 19)} UTC`;
}

/** A number as Java's Double.toString writes it: `21.5`, `0.0`, `1.0E7`. */
export function doubleText(value: number): string {
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-3 && size < 1e7)) return Number.isInteger(value) ? `${value}.0` : String(value);
  const [digits = "", exponent = ""] = value.toExponential().split("e");
  return `${digits.includes(".") ? digits : `${digits}.0`}E${Number(exponent)}`;
}

/** Display names in alarm notifications; other regions appear by their code. */
const REGION_NAMES: Record<string, string> = {
  "us-east-1": "US East (N. Virginia)",
  "us-east-2": "US East (Ohio)",
  "us-west-1": "US West (N. California)",
  "us-west-2": "US West (Oregon)",
  "ca-central-1": "Canada (Central)",
  "eu-west-1": "EU (Ireland)",
  "eu-west-2": "EU (London)",
  "eu-west-3": "EU (Paris)",
  "eu-central-1": "EU (Frankfurt)",
  "eu-north-1": "EU (Stockholm)",
  "ap-south-1": "Asia Pacific (Mumbai)",
  "ap-northeast-1": "Asia Pacific (Tokyo)",
  "ap-northeast-2": "Asia Pacific (Seoul)",
  "ap-southeast-1": "Asia Pacific (Singapore)",
  "ap-southeast-2": "Asia Pacific (Sydney)",
  "sa-east-1": "South America (Sao Paulo)",
};

export function regionName(region: string): string {
  return REGION_NAMES[region] ?? region;
}
