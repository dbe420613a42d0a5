import { describeDeadLettersPort } from "../contract-suites/dead-letters.ts";
import { describeDeploymentsPort } from "../contract-suites/deployments.ts";
import { describeFlagsPort } from "../contract-suites/flags.ts";
import { describeFunctionsPort } from "../contract-suites/functions.ts";
import { describeLedgerPort } from "../contract-suites/ledger.ts";
import { describeMonitoringPort } from "../contract-suites/monitoring.ts";
import { deployedPolicy, describePolicyHistoryPort } from "../contract-suites/policy-history.ts";
import { fakePorts } from "./index.ts";
import { counts, noCounts } from "./monitoring.ts";
import { FakePolicyHistory } from "./policy-history.ts";

describeFunctionsPort("fake", async () => {
  const { functions } = fakePorts();
  functions.given("checkout", ["1", "2", "3"], "live", "1");
  functions.setAlias("checkout", "live", "1", { 2: 0.1 });
  functions.respond = ({ qualifier, payload, mark }) =>
    qualifier === "2" ? { functionError: "Unhandled" } : { payload: { ok: true, echo: payload, mark: mark ?? null } };
  return {
    port: functions,
    interfere: async () => functions.setAlias("checkout", "live", "2"),
    throttle: () => {
      functions.whileThrottled = async () => {};
    },
  };
});

describeDeploymentsPort("fake", async () => {
  const { clock, deployments, functions } = fakePorts();
  functions.given("checkout", ["1", "2"], "live", "1");
  deployments.given({ deploymentId: "d-1", functionName: "checkout", alias: "live", from: "1", to: "2" });
  deployments.groups.set("goaround-dev/checkout-deployment-group", {
    configuration: "CodeDeployDefault.LambdaCanary10Percent5Minutes",
    alarms: [],
    serviceRoleArn: "arn:aws:iam::111122223333:role/deploy",
  });
  return { port: deployments, deploymentId: "d-1", executionId: "e-1", advance: (ms) => clock.sleep(ms) };
});

describeDeadLettersPort("fake", async () => {
  const { deadLetters } = fakePorts();
  deadLetters.given("orders-dead", "one", "two", "three");
  deadLetters.given("empty");
  return {
    port: deadLetters,
    counts: async () => ({ visible: deadLetters.queues.get("orders-dead")!.length, hidden: 0 }),
  };
});

describeLedgerPort("fake", async () => {
  const { clock, ledger } = fakePorts();
  return { port: ledger, advance: async (ms) => clock.advance(ms) };
});

describeMonitoringPort("fake", async () => {
  const { monitoring } = fakePorts();
  monitoring.states.set("goaround-dev-checkout.live.error-rate", "ALARM");
  monitoring.states.set("goaround-dev-checkout.live.duration", "OK");
  monitoring.perMinute = ({ version, minute }) => {
    if (minute.toISOString() >= "2026-03-02T12:02") return noCounts;
    if (version === "1") return { ...counts(90, 0, 50, 50), slow: [0] };
    return version === "2" ? { ...counts(10, 50, 100, 100), slow: [10] } : counts(100, 5, 55, 100);
  };
  monitoring.served = { functionName: "checkout", requests: 200, valuesMs: [50, 100], peak: 7 };
  monitoring.declared = ({ version, minutes }) => (version === "2" ? 3 * minutes : undefined);
  return { port: monitoring };
});

describeFlagsPort("fake", async () => {
  const { clock, flags } = fakePorts();
  flags.given({ new_api: true });
  return { port: flags, advance: (ms) => clock.sleep(ms) };
});

describePolicyHistoryPort("fake", async () => {
  const { clock, policies } = fakePorts();
  policies.documents.set("checkout:live", deployedPolicy);
  const port = new FakePolicyHistory(policies, clock);
  return { port, policies, interfere: async (document) => port.written("checkout", "live", document) };
});
