import type { HealthyCell, RegressionCell } from "./cells.ts";
import type { Measured } from "./compare.ts";
import { PEERS, standing, VALID, validAt, worstOf } from "./compare.ts";
import type { CostRow } from "./cost.ts";
import { DETECTORS } from "./detectors.ts";
import { badServed, meanDelay, shareDetected, upperBound } from "./tally.ts";
export interface Results {
  regressions: Measured<RegressionCell>[];
  unreachable: number;
  healthy: Measured<HealthyCell>[];
  cost: CostRow[];
  runs: number;
  healthyRuns: number;
  wallMinutes: number;
  cpuMinutes: number;
}
export function page(r: Results): string {
  const out: string[] = [];
  const plain = r.healthy.filter((h) => !h.cell.clustered);
  out.push(`cpu ${r.cpuMinutes} wall ${r.wallMinutes}`);
  out.push(
    "worst " +
      worstOf(plain)
        .map((w, i) => `${DETECTORS[i]!.name} ${(100 * w).toFixed(2)}`)
        .join("; "),
  );
  for (const h of plain)
    if (upperBound(h.tallies[0]!) > 0.0115 || upperBound(h.tallies[1]!) > 0.0115)
      out.push(
        `over: ${h.cell.name} ${shareDetected(h.tallies[0]!)} ${upperBound(h.tallies[0]!)} ${shareDetected(h.tallies[1]!)} ${upperBound(h.tallies[1]!)}`,
      );
  const counts: Record<string, number> = {};
  for (const m of r.regressions) {
    const peers = validAt(m.cell, plain);
    const st = standing(m.tallies, peers);
    counts[st?.how ?? "alone"] = (counts[st?.how ?? "alone"] ?? 0) + 1;
    const ratio = meanDelay(m.tallies[0]!) / m.cell.floor;
    if (ratio > 1.6 || st?.how === "behind")
      out.push(
        `${m.cell.key}: ratio ${ratio.toFixed(2)} ${st?.how} ${st ? DETECTORS[st.best]!.name : ""} ${st?.ratio.toFixed(3)} bad ${badServed(m.tallies[0]!).toFixed(2)}; all: ${peers.map((p) => `${DETECTORS[p]!.name} ${badServed(m.tallies[p]!).toFixed(2)}`).join(", ")}`,
      );
  }
  out.push(JSON.stringify(counts));
  const ratios = r.regressions.map((m) => meanDelay(m.tallies[0]!) / m.cell.floor);
  out.push(`ratio mean ${ratios.reduce((a, b) => a + b) / ratios.length} max ${Math.max(...ratios)}`);
  void VALID;
  void PEERS;
  return out.join("\n") + "\n";
}
