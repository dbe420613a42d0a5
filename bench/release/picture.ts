import { MUST } from "./cells.ts";
import { METHODS, OURS, PEERS } from "./methods.ts";
import type { Measured } from "./page.ts";
import { exactInterval, mean, quantile } from "./tally.ts";

/** Alarms on the alias that find nothing here say it all once. */
const HIDDEN = new Set(["alarm 5 %, 1 of 1 min, alias", "alarm 5 %, 2 of 2 × 10 s, alias"]);
const SHOWN = [OURS.clears, OURS.logs, OURS.metrics, ...PEERS].filter((i) => !HIDDEN.has(METHODS[i]!.name));
const ROW = 30;
const TOP = 92;
const LEFT = 270;
const WIDTH = 310;
const RIGHT = 700;
const INK = { ours: "#0a63c9", theirs: "#8a8f98", wrong: "#c2352b", text: "#1b1f24", faint: "#6a717b" };

/** A method whose false rollbacks may be above this is no choice. */
const VALID = 0.01;

/** Requests that fail until traffic is restored, by method; and who takes good releases back. */
export function picture(measured: readonly Measured[]): string {
  const usual = measured.find(({ cell }) => cell.key === MUST.usual);
  if (!usual) return svg(40, text(16, 26, "nothing measured yet"));
  const rows = SHOWN.map((i) => {
    const tally = usual.tallies[i]!;
    const { share: wrong, isValid } = takenBack(measured, i);
    return {
      name: shortName(METHODS[i]!.name),
      failed: mean(tally.failed),
      restore: quantile(tally.restore, 0.5),
      missed: tally.back < tally.runs / 2,
      wrong,
      bad: !isValid,
      ours: METHODS[i]!.ours !== undefined,
    };
  });
  const most = Math.max(...rows.map(({ failed }) => failed));
  const [first, ...others] = rows;
  const ordered = [first!, ...others].sort((a, b) => Number(b.ours) - Number(a.ours) || a.failed - b.failed);
  const lines = ordered.map(({ name, failed, restore, missed, wrong, bad, ours }, i) => {
    const y = TOP + i * ROW;
    const width = Math.max(2, (WIDTH * failed) / most);
    const told = missed ? "not found" : `${failed.toFixed(failed < 10 ? 1 : 0)} failed · ${Math.round(restore!)} s`;
    const colour = ours ? INK.ours : INK.theirs;
    return [
      text(LEFT - 12, y + 15, name, { anchor: "end", weight: ours ? 600 : 400 }),
      `<rect x="${LEFT}" y="${y + 2}" width="${width.toFixed(0)}" height="18" rx="3" fill="${colour}"${missed ? ' fill-opacity=".35"' : ""}/>`,
      text(LEFT + width + 8, y + 15, told, { fill: INK.text }),
      text(RIGHT + 60, y + 15, `${bad ? "✗" : "✓"} ${percent(wrong)}`, {
        fill: bad ? INK.wrong : "#1a7f37",
        weight: 600,
      }),
    ].join("");
  });
  return svg(
    TOP + ordered.length * ROW + 34,
    [
      text(16, 28, "One canary request in five begins to fail", { size: 18, weight: 600 }),
      text(16, 50, "10 requests/s, 10 % on the canary. Requests that fail, and the time, until all traffic is back.", {
        fill: INK.faint,
      }),
      text(RIGHT + 60, 74, "good releases", { fill: INK.faint }),
      text(RIGHT + 60, 87, "taken back", { fill: INK.faint }),
      ...lines,
      text(
        16,
        TOP + ordered.length * ROW + 20,
        "Simulated with one stream of requests for all; docs/benchmarks/release.md.",
        {
          fill: INK.faint,
        },
      ),
    ].join(""),
  );
}

function takenBack(measured: readonly Measured[], i: number) {
  const all = measured.filter(({ cell }) => cell.harmless && !cell.shared).map(({ tallies }) => tallies[i]!);
  const sum = (of: "back" | "runs") => all.reduce((total, one) => total + one[of], 0);
  return { share: sum("back") / sum("runs"), isValid: exactInterval(sum("back"), sum("runs")).low <= VALID };
}

const shortName = (name: string) =>
  name
    .replace("Goaround on logs, clears the weights itself", "Goaround (logs, clears weights)")
    .replace(/Goaround on (\w+), CodeDeploy.*/, "Goaround ($1)");

const percent = (value: number) => `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`;

interface Style {
  anchor?: "start" | "end";
  weight?: number;
  size?: number;
  fill?: string;
}

const text = (
  x: number,
  y: number,
  what: string,
  { anchor = "start", weight = 400, size = 13, fill = INK.text }: Style = {},
) =>
  `<text x="${x.toFixed(0)}" y="${y}" text-anchor="${anchor}" font-weight="${weight}" font-size="${size}" fill="${fill}">${what.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`;

const svg = (height: number, body: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 ${height}" width="900" font-family="system-ui, sans-serif" role="img" aria-label="requests that fail until traffic is restored, by method"><rect width="900" height="${height}" fill="#fff"/>${body}</svg>\n`;
