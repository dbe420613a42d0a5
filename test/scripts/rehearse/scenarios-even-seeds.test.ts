import { describe } from "vitest";
import { describeScenarios } from "../../contract-suites/scenarios.ts";

describe("even seeds", () => describeScenarios((seed) => seed % 2 === 0));
