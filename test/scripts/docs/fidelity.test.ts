import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DOCUMENT, fidelityDocument } from "../../../scripts/docs/fidelity.ts";

describe("docs/fidelity.md", () => {
  it("is up to date: otherwise run npm run docs:fidelity", () => {
    expect(readFileSync(DOCUMENT, "utf8")).toBe(fidelityDocument());
  });

  it("names operations, resource types and the chapter of each fragment", () => {
    const text = fidelityDocument();
    expect(text).toMatch(/\| CodeDeploy \| \d+ \| .*CreateDeployment.*StopDeployment/);
    expect(text).toContain("| `AWS::Lambda` | Alias, EventInvokeConfig, Function, Permission, Version |");
    expect(text.match(/^# /gm)).toHaveLength(1);
    expect(text).toMatch(/^## AppConfig and AppConfigData$/m);
  });
});
