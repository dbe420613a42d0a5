import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { askOn } from "../../scripts/cli/io.ts";

function terminal() {
  const input = new PassThrough();
  const controller = new AbortController();
  const interrupts: number[] = [];
  const answer = askOn({ input, output: new PassThrough(), terminal: true }, "Go on? [y/N] ", controller.signal, () => {
    interrupts.push(1);
    controller.abort(new Error("interrupted"));
  });
  return { input, answer, interrupts };
}

describe("a question on a terminal", () => {
  it("is answered by a line", async () => {
    const { input, answer, interrupts } = terminal();
    input.write("y\r");
    expect(await answer).toBe("y");
    expect(interrupts).toEqual([]);
  });

  it("is interrupted by Ctrl-C, which the terminal hands to it and not to the process", async () => {
    const { input, answer, interrupts } = terminal();
    input.write("\u0003");
    await expect(answer).rejects.toThrow();
    expect(interrupts).toEqual([1]);
  });

  it("is not answered when the input ends", async () => {
    const { input, answer } = terminal();
    input.end();
    expect(await answer).toBe("");
  });
});
