import { describe } from "vitest";
import { describeScenarios } from "../../contract-suites/scenarios.ts";

describe("more seeds", () => describeScenarios([3, 4, 5]));
