import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../../..");

it("leaves neither process nor temporary folder behind after Ctrl-C, and exits 130", { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "goaround-interrupt-"));
  try {
    // An app that never ends; its command is known to nobody else.
    const mark = `setInterval(() => "${folder}", 1000)`;
    const args = ["--import", "tsx", "scripts/rehearse.ts", "--scenario", "healthy", "--app", `node -e '${mark}'`];
    const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, TMPDIR: folder } });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk;
    });
    const closed = new Promise((resolve) => child.on("close", resolve));
    const running = async () => (await commands()).filter((line) => line.includes(mark)).length;
    const made = () => readdirSync(folder).filter((name) => name.startsWith("goaround-"));
    await expect.poll(async () => (await running()) > 1 && made().length > 0, { timeout: 30_000 }).toBe(true);
    child.kill("SIGINT");
    expect(await closed).toBe(130);
    expect(said).toContain("interrupted");
    expect(made()).toEqual([]);
    await expect.poll(running, { timeout: 5000 }).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function commands(): Promise<string[]> {
  return new Promise((resolve) => {
    const ps = spawn("ps", ["-eo", "args"]);
    let output = "";
    ps.stdout.on("data", (chunk: Buffer) => {
      output += chunk;
    });
    ps.on("close", () => resolve(output.split("\n")));
  });
}
