import { Agent, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { AwsError } from "../../kernel/errors.ts";
import { byName, type ServiceEntry } from "../../transport/catalog.ts";
import { JSON_FORMAT, readStructure, writeValue } from "../../transport/json.ts";
import { loadModel } from "../../transport/model.ts";

/**
 * A DynamoDB data engine: dynalite in memory, on a random loopback port that only this process is told. It starts with the
 * first call. Inputs and outputs have the SDK client's shapes.
 */
export class DynamoEngine {
  private running: Promise<{ server: Server; port: number }> | undefined;
  private readonly agent = new Agent({ keepAlive: true });

  async call(operation: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
    const model = await loadModel(byName.get("dynamodb") as ServiceEntry);
    const schema = model.operations.get(operation);
    if (!schema) throw new Error(`DynamoDB has no operation ${operation}`);
    const { status, body } = await this.post(operation, JSON.stringify(writeValue(schema.input, input, JSON_FORMAT)));
    const reply = JSON.parse(body) as Record<string, unknown>;
    if (status === 200) return readStructure(schema.output, reply);
    const code =
      String(reply.__type ?? "InternalServerError")
        .split("#")
        .at(-1) ?? "";
    const { __type, message, Message, ...members } = reply;
    throw new AwsError(code, String(message ?? Message ?? ""), { status, members });
  }

  /** Stops the engine and forgets its tables; the next call starts an empty one. */
  async stop(): Promise<void> {
    const { running } = this;
    this.running = undefined;
    if (!running) return;
    const { server } = await running;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  private start(): Promise<{ server: Server; port: number }> {
    this.running ??= (async () => {
      const { default: dynalite } = await import("dynalite");
      const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(0, "127.0.0.1", () => resolve());
      });
      return { server, port: (server.address() as AddressInfo).port };
    })();
    return this.running;
  }

  private async post(operation: string, body: string): Promise<{ status: number; body: string }> {
    const { port } = await this.start();
    const headers = {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `DynamoDB_20120810.${operation}`,
      // The engine looks for the header's parts and does not check them.
      authorization:
        "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
      "x-amz-date": "20260101T000000Z",
    };
    return new Promise((resolve, reject) => {
      const outgoing = request({ host: "127.0.0.1", port, method: "POST", headers, agent: this.agent }, (reply) => {
        const chunks: Buffer[] = [];
        reply.on("data", (chunk: Buffer) => chunks.push(chunk));
        reply.on("error", reject);
        reply.on("end", () => resolve({ status: reply.statusCode ?? 500, body: Buffer.concat(chunks).toString() }));
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  }
}
