import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { main, occurrenceLine, shellLines } from "../../../scripts/local.ts";

/** Runs the command in a process of its own until it has printed its environment, then sends the signal. */
async function runUntil(signal: NodeJS.Signals) {
  const child = spawn(process.execPath, [
    "--import",
    "tsx",
    "scripts/local.ts",
    "--port",
    "0",
    "--region",
    "eu-west-1",
  ]);
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const printed: Record<string, string> = {};
  for await (const line of createInterface(child.stdout)) {
    const [, name = "", value = ""] = /^export (\w+)=(.*)$/.exec(line) ?? [];
    printed[name] = value;
    if (name === "AWS_EC2_METADATA_DISABLED") break;
  }
  const state = await (await fetch(`${printed.AWS_ENDPOINT_URL}/_goaround/state`)).json();
  child.kill(signal);
  return { printed, state, exitCode: await exit };
}

describe("npm run local", () => {
  it("prints export lines on stdout, serves, and ends cleanly when terminated", async () => {
    const { printed, state, exitCode } = await runUntil("SIGTERM");
    expect(printed).toMatchObject({ AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "eu-west-1" });
    expect(printed.AWS_ENDPOINT_URL).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(state).toMatchObject({ region: "eu-west-1", seed: "1" });
    expect(exitCode).toBe(0);
  });

  it("exits with 130 on Ctrl-C", async () => {
    expect((await runUntil("SIGINT")).exitCode).toBe(130);
  });

  it("ends with exit code 2 when its port is taken", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    expect(await main(["--port", String(port)])).toBe(2);
    await new Promise((resolve) => taken.close(resolve));
  });

  it.each([["--port", "70000"], ["--speed", "-1"], ["--region", "moon"], ["--unknown"]])(
    "refuses %s %s as wrong use",
    async (...argv) => {
      expect(await main(argv)).toBe(2);
    },
  );

  it("unsets what would outrank its credentials", () => {
    expect(shellLines({ A: "b" }, { AWS_PROFILE: "work" })).toEqual(["unset AWS_PROFILE", "export A=b"]);
  });

  it("tells what happens in a line each, of resources only failures", () => {
    const atMs = Date.UTC(2026, 0, 1);
    expect(
      occurrenceLine({
        atMs,
        kind: "alias-updated",
        detail: { functionName: "f", weights: { 2: 0.1 }, principal: "arn:…", description: "" },
      }),
    ).toBe('2026-01-01T00:00:00Z  alias-updated     functionName=f  weights={"2":0.1}');
    const resource = (status: string) => occurrenceLine({ atMs, kind: "stack-resource", detail: { status } });
    expect(resource("CREATE_COMPLETE")).toBeUndefined();
    expect(resource("UPDATE_FAILED")).toContain("UPDATE_FAILED");
    expect(occurrenceLine({ atMs, kind: "x", detail: { message: "a\n".repeat(200) } })?.length).toBeLessThan(200);
  });
});
