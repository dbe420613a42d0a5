import type { SampleFunction } from "../../contract/names.ts";
import type { PolicySettings } from "../policy-parameter.ts";

export interface SampleFunctionDefinition {
  readonly description: string;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  /** Flags that the function reads, and that go off when its release is rolled back. */
  readonly flags: readonly string[];
  readonly smokeTests: NonNullable<PolicySettings["smokeTests"]>;
  /** Functions that it invokes: environment variable → function. */
  readonly invokes?: Readonly<Record<string, SampleFunction>>;
  /** Releases wait while the database's alarm is red. */
  readonly needsInfluxDb?: boolean;
}

export const SAMPLE: Readonly<Record<SampleFunction, SampleFunctionDefinition>> = {
  lambda_router: {
    description: "Routes HTTP requests to the functions of the platform",
    memoryMb: 256,
    timeoutSeconds: 29,
    flags: ["enable_new_api_endpoint"],
    smokeTests: [{ name: "health", payload: { rawPath: "/health" }, expect: "statusCode == `200`" }],
    invokes: {
      STRUCTURED_DATA_FUNCTION: "structured_data_processor",
      RAG_FUNCTION: "rag_query_processor",
      LOADER_FUNCTION: "influxdb_loader",
      TIMESERIES_FUNCTION: "timeseries_query_processor",
    },
  },
  structured_data_processor: {
    description: "Normalises structured records",
    memoryMb: 256,
    timeoutSeconds: 30,
    flags: ["enable_enhanced_processing"],
    smokeTests: [{ name: "one-row", payload: { csv: "deviceId,ok\n7,true" }, expect: "records[0].device_id == `7`" }],
  },
  rag_query_processor: {
    description: "Ranks documents for a question and builds the prompt",
    memoryMb: 512,
    timeoutSeconds: 30,
    flags: ["enable_enhanced_processing"],
    smokeTests: [
      {
        name: "one-document",
        payload: { question: "pump pressure", documents: [{ id: "a", text: "Pressure of the pump" }] },
        expect: "passages[0].id == 'a'",
      },
    ],
  },
  influxdb_loader: {
    description: "Writes points to InfluxDB",
    memoryMb: 256,
    timeoutSeconds: 30,
    flags: ["use_influxdb"],
    // No point: the smoke test must not write.
    smokeTests: [{ name: "no-points", payload: { points: [] }, expect: "length(lines) == `0`" }],
    needsInfluxDb: true,
  },
  timeseries_query_processor: {
    description: "Aggregates time series",
    memoryMb: 256,
    timeoutSeconds: 30,
    flags: ["enable_flux_queries"],
    smokeTests: [
      {
        name: "one-window",
        payload: { series: [{ time: "2024-01-01T00:00:00Z", value: 1 }] },
        expect: "windows[0].mean == `1`",
      },
    ],
    needsInfluxDb: true,
  },
};
