import type { RegressionCell } from "./cells.ts";
import type { Measured } from "./compare.ts";

const svg = (height: number, label: string, body: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 ${height}" width="640" font-size="11" role="img" aria-label="${label}">${body}</svg>`;

/** Ratio to the floor over the limit, one dot a cell. */
export function scatter(rows: readonly Measured<RegressionCell>[], ratios: readonly number[]): string {
  const x = (limit: number) => 50 + (Math.log10(Math.max(0.1, limit)) + 1) * 130;
  const y = (ratio: number) => 210 - 80 * Math.min(2.4, ratio);
  const dots = rows.map(
    ({ cell }, i) => `<circle cx="${x(cell.limit).toFixed(0)}" cy="${y(ratios[i]!).toFixed(0)}" r="3"/>`,
  );
  const lines = [1, 1.5, 2].map(
    (ratio) =>
      `<path d="M50 ${y(ratio)}H620" stroke="#999" stroke-dasharray="3"/><text x="20" y="${y(ratio) + 4}">${ratio}</text>`,
  );
  const ticks = [0.1, 1, 10, 100, 1000].map((limit) => `<text x="${x(limit) - 8}" y="228">${limit} s</text>`);
  return svg(
    240,
    "mean delay over the floor, by limit",
    `${lines.join("")}${ticks.join("")}<g fill="#06c" fill-opacity=".6">${dots.join("")}</g>`,
  );
}

/** Worst false-rollback rate of each method; red above `valid`. */
export function bars(names: readonly string[], worst: readonly number[], valid: number): string {
  const rows = names.map((name, i) => {
    const width = Math.max(1, 380 * worst[i]!);
    const colour = worst[i]! <= valid ? "#06c" : "#c33";
    return `<text x="0" y="${i * 18 + 13}">${name}</text><rect x="200" y="${i * 18 + 3}" width="${width.toFixed(0)}" height="12" fill="${colour}"/><text x="${(204 + width).toFixed(0)}" y="${i * 18 + 13}">${(100 * worst[i]!).toFixed(2)} %</text>`;
  });
  return svg(names.length * 18, "worst false-rollback rate", rows.join(""));
}
