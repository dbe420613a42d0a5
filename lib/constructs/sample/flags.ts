import type { FlagDefinitions } from "../flag-document.ts";

/** The platform's flags. All start off; run time switches them. */
export const SAMPLE_FLAGS: FlagDefinitions = {
  enable_new_api_endpoint: { description: "Serves /v2, which answers with details of the route" },
  enable_enhanced_processing: {
    description: "Drops duplicate records; ranks documents by word pairs as well",
    attributes: {
      pairWeight: {
        description: "How much a shared word pair counts against a shared word",
        constraint: { type: "number", required: true, minimum: 0, maximum: 10 },
        value: 2,
      },
    },
  },
  enable_advanced_monitoring: {
    description: "Publishes detailed metrics of each request",
    attributes: {
      detail: {
        description: "How much is published",
        constraint: { type: "string", required: true, enum: ["basic", "full"] },
        value: "basic",
      },
    },
  },
  use_influxdb: { description: "Writes points to InfluxDB; off: they are only converted" },
  enable_flux_queries: { description: "Answers the Flux query along with the aggregated windows" },
};
