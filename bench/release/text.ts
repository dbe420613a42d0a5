import { exactInterval } from "./tally.ts";

export const percent = (value: number, digits = value > 0 && value < 0.1 ? 2 : 1) =>
  value === 0 || value === 1 ? `${100 * value} %` : `${(100 * value).toFixed(digits)} %`;

export const seconds = (value: number | undefined) =>
  value === undefined ? "–" : Number.isFinite(value) ? `${value.toFixed(value < 100 ? 1 : 0)} s` : "never";

/** `0.15 % (0.03 to 0.44)` */
export function shareWithInterval(count: number, of: number): string {
  const { low, high } = exactInterval(count, of);
  return `${percent(count / of)} (${(100 * low).toFixed(2)} to ${(100 * high).toFixed(2)})`;
}

export const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

export const folded = (title: string, text: string) => `<details><summary>${title}</summary>\n\n${text}\n\n</details>`;
