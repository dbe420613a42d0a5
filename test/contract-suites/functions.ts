import { describe, expect, it } from "vitest";
import type { FunctionsPort } from "../../lib/core/ports.ts";

/**
 * The scene: function `checkout` with published versions 1, 2 and 3 of different code, all active; alias `live` on
 * version 1 with 10 % on version 2. Version 3 answers
 * `{"ok":true,"echo":<payload>,"mark":<custom.goaround of the client context, or null>}`, version 2 throws an error.
 */
export interface FunctionsScene {
  port: FunctionsPort;
  /** Somebody else writes the alias: version 2, no weights. */
  interfere(): Promise<void>;
  /** Lambda refuses the next invocation once. */
  throttle(): void;
}

export function describeFunctionsPort(name: string, makeScene: () => Promise<FunctionsScene>): void {
  describe(`functions port: ${name}`, () => {
    it("reads the version, the weights and the revision of an alias", async () => {
      const { port } = await makeScene();
      const alias = await port.getAlias("checkout", "live");
      expect(alias).toMatchObject({
        functionName: "checkout",
        alias: "live",
        functionVersion: "1",
        weights: { 2: 0.1 },
      });
      expect(alias.revisionId).not.toBe("");
    });

    it("says which of function and alias is missing", async () => {
      const { port } = await makeScene();
      await expect(port.getAlias("checkout", "nope")).rejects.toMatchObject({ code: "alias-missing" });
      await expect(port.getAlias("nope", "live")).rejects.toMatchObject({ code: "function-missing" });
    });

    it("lists the published versions and not $LATEST", async () => {
      const { port } = await makeScene();
      const versions = (await port.listVersions("checkout")).map((version) => version.version);
      expect(versions.sort()).toEqual(["1", "2", "3"]);
    });

    it("tells versions of different code apart and gives the same hashes each time", async () => {
      const { port } = await makeScene();
      const [one, two, again] = await Promise.all(
        ["1", "2", "1"].map((version) => port.getVersion("checkout", version)),
      );
      expect(one).toMatchObject({ version: "1", state: "Active" });
      expect(one?.codeSha256).not.toBe(two?.codeSha256);
      expect([again?.codeSha256, again?.configurationHash]).toEqual([one?.codeSha256, one?.configurationHash]);
    });

    it("tells what a version's log is to be read by", async () => {
      const { port } = await makeScene();
      expect(await port.getVersion("checkout", "1")).toMatchObject({
        logFormat: expect.stringMatching(/^(JSON|Text)$/),
        runtime: expect.stringMatching(/^nodejs/),
      });
    });

    it("answers undefined for a version that does not exist", async () => {
      const { port } = await makeScene();
      expect(await port.getVersion("checkout", "99")).toBeUndefined();
    });

    it("moves the alias and clears its weights in one write", async () => {
      const { port } = await makeScene();
      const { revisionId } = await port.getAlias("checkout", "live");
      await port.moveAlias({ functionName: "checkout", alias: "live", version: "3", revisionId });
      expect(await routing(port)).toEqual({ functionVersion: "3", weights: {} });
    });

    it("splits the traffic in one write, over the revision that was read and no other", async () => {
      const { port, interfere } = await makeScene();
      const { revisionId } = await port.getAlias("checkout", "live");
      const split = { functionName: "checkout", alias: "live", version: "1", to: "3", share: 0.2 };
      const state = await port.splitAlias({ ...split, revisionId });
      expect(state).toMatchObject({ functionVersion: "1", weights: { 3: 0.2 } });
      expect(await routing(port)).toEqual({ functionVersion: "1", weights: { 3: 0.2 } });
      await interfere();
      await expect(port.splitAlias({ ...split, revisionId: state.revisionId })).rejects.toMatchObject({
        code: "conflict",
      });
      expect(await routing(port)).toEqual({ functionVersion: "2", weights: {} });
    });

    it("refuses to move an alias that has changed since it was read, and changes nothing", async () => {
      const { port, interfere } = await makeScene();
      const { revisionId } = await port.getAlias("checkout", "live");
      await interfere();
      await expect(
        port.moveAlias({ functionName: "checkout", alias: "live", version: "3", revisionId }),
      ).rejects.toMatchObject({ code: "conflict" });
      expect(await routing(port)).toEqual({ functionVersion: "2", weights: {} });
    });

    it("invokes the version it is asked to and returns its answer", async () => {
      const { port } = await makeScene();
      const result = await port.invoke({ functionName: "checkout", qualifier: "3", payload: { a: 1 } });
      expect(result).toMatchObject({
        statusCode: 200,
        functionError: undefined,
        payload: { ok: true, echo: { a: 1 }, mark: null },
      });
      expect(result.executedVersion).toBe("3");
    });

    it("tells the function that it is the guard who asks, where it is to know", async () => {
      const { port } = await makeScene();
      const result = await port.invoke({ functionName: "checkout", qualifier: "3", payload: {}, mark: "replay" });
      expect(result.payload).toMatchObject({ mark: "replay" });
    });

    it("asks again where it is throttled, and says when it asks and when it waits", async () => {
      const { port, throttle } = await makeScene();
      throttle();
      const told: string[] = [];
      const attempts = { began: () => void told.push("began"), ended: () => void told.push("ended") };
      const result = await port.invoke({ functionName: "checkout", qualifier: "3", payload: {}, attempts });
      expect(result.statusCode).toBe(200);
      expect(told).toEqual(["began", "ended", "began", "ended"]);
    });

    it("reports a function's error as a result, not as an exception", async () => {
      const { port } = await makeScene();
      const result = await port.invoke({ functionName: "checkout", qualifier: "2", payload: {} });
      expect(result.functionError).toBeTruthy();
    });
  });
}

async function routing(port: FunctionsPort) {
  const { functionVersion, weights } = await port.getAlias("checkout", "live");
  return { functionVersion, weights };
}
