import { CHECKS, type Seen } from "./readiness-checks.ts";
import { AREAS, type Area, type ReadinessFacts } from "./readiness-facts.ts";

export interface ReadinessCheck extends Seen {
  name: string;
  points: number;
}

export interface Readiness {
  /** 0 to 100: the mean of the areas of which something is known. */
  score: number;
  areas: { area: Area; score: number | undefined; checks: ReadinessCheck[]; unknown: string[] }[];
}

/** Every check by area, and what it makes of them. What is not known is named and counts neither way. */
export function assessReadiness(facts: ReadinessFacts): Readiness {
  const place = `--function-name ${facts.policy.functionName} --alias ${facts.policy.alias}`;
  const areas = AREAS.map((area) => {
    const checks: ReadinessCheck[] = [];
    const unknown: string[] = [];
    for (const { name, points, see } of CHECKS.filter((check) => check.area === area)) {
      const found = see(facts, place);
      if (found) checks.push({ name, points, ...found });
      else unknown.push(name);
    }
    const sum = (some: ReadinessCheck[]) => some.reduce((all, { points }) => all + points, 0);
    const score = checks.length === 0 ? undefined : (100 * sum(checks.filter(({ isMet }) => isMet))) / sum(checks);
    return { area, score: score === undefined ? undefined : Math.round(score), checks, unknown };
  });
  const known = areas.flatMap(({ score }) => score ?? []);
  const score = Math.round(known.reduce((all, one) => all + one, 0) / Math.max(known.length, 1));
  return { score, areas };
}
