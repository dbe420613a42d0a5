import { describe } from "vitest";
import { describeScenarios } from "../../contract-suites/scenarios.ts";

describe("the other half", () => describeScenarios(1));
