import type { Tally } from "./tally.ts";

/** The page that the full run writes. */
export function page(tallies: ReadonlyMap<string, Tally>, minutes: number): string {
  const rows = [...tallies].map(
    ([name, { runs, failures, duplicates }]) => `| ${[name, runs, failures.length, duplicates.length].join(" | ")} |`,
  );
  return `# Rollbacks under faults

Written by \`npm run bench -- faults\` in ${minutes.toFixed(1)} minutes.

| experiment | runs | did not end as they must | effects had twice |
| --- | --- | --- | --- |
${rows.join("\n")}
`;
}
