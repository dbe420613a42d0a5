import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { countingFlags } from "../flag-metrics.ts";
import { flag } from "../flags.ts";

/** Path → environment variable that names the function behind it. */
const ROUTES: Record<string, string> = {
  "structured-data": "STRUCTURED_DATA_FUNCTION",
  rag: "RAG_FUNCTION",
  metrics: "LOADER_FUNCTION",
  timeseries: "TIMESERIES_FUNCTION",
};

let client: LambdaClient | undefined;

/** `/health`; `/v1/<route>` to the function behind it; `/v2/<route>` the same with details, behind a flag. */
async function route(event: Partial<APIGatewayProxyEventV2>): Promise<APIGatewayProxyStructuredResultV2> {
  const path = event.rawPath ?? "/";
  if (path === "/health") return answer(200, { status: "ok", release: process.env.RELEASE ?? "unreleased" });

  const [, version = "", name = ""] = path.split("/");
  const variable = ROUTES[name];
  const known = version === "v1" || (version === "v2" && (await flag("enable_new_api_endpoint")).enabled);
  const functionName = variable && process.env[variable];
  if (!known || !functionName) return answer(404, { message: `there is nothing at ${path}` });

  const body = parse(event.body, event.isBase64Encoded);
  if (body === undefined) return answer(400, { message: "the body is not JSON" });
  client ??= new LambdaClient({ maxAttempts: 2 });
  const result = await client.send(
    new InvokeCommand({ FunctionName: functionName, Payload: new TextEncoder().encode(JSON.stringify(body)) }),
  );
  if (result.FunctionError) return answer(502, { message: `${name} failed` });
  const output = JSON.parse(result.Payload?.transformToString() || "null") as unknown;
  return answer(200, version === "v2" ? { route: name, servedBy: result.ExecutedVersion, output } : output);
}

export const handler = countingFlags(route);

function parse(body: string | undefined, base64 = false): unknown {
  if (body === undefined || body === "") return {};
  try {
    return JSON.parse(base64 ? Buffer.from(body, "base64").toString() : body);
  } catch {
    return undefined;
  }
}

const answer = (statusCode: number, body: unknown): APIGatewayProxyStructuredResultV2 => ({
  statusCode,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
