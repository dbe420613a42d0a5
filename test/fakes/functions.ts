import { GoaroundError } from "../../lib/core/errors.ts";
import type {
  AliasState,
  FunctionsPort,
  InvocationRequest,
  InvocationResult,
  VersionInfo,
} from "../../lib/core/ports.ts";
import { Calls } from "./faults.ts";

export interface FakeFunction {
  versions: Map<string, VersionInfo>;
  aliases: Map<string, { functionVersion: string; weights: Record<string, number>; revision: number }>;
}

export const versionInfo = (version: string, changes: Partial<VersionInfo> = {}): VersionInfo => ({
  version,
  codeSha256: `sha-${version}`,
  configurationHash: `config-${version}`,
  lastModified: "2026-03-02T11:00:00.000+0000",
  state: "Active",
  logFormat: "JSON",
  runtime: "nodejs22.x",
  ...changes,
});

/**
 * Lambda as the decisions see it. Behaviour: a missing function or alias is an error, a missing version is undefined;
 * `moveAlias` compares the revision id, sets the version, clears the weights and gives a new revision id, and leaves
 * everything as it was on a conflict. Invocations answer `{}` in 20 ms unless `respond` says otherwise.
 */
export class FakeFunctions implements FunctionsPort {
  readonly calls = new Calls();
  readonly functions = new Map<string, FakeFunction>();
  respond: (request: InvocationRequest) => Partial<InvocationResult> = () => ({});
  /** The time that Lambda refuses an invocation before it takes it. */
  whileThrottled: (() => Promise<void>) | undefined;

  given(functionName: string, versions: (string | VersionInfo)[], alias: string, at: string): void {
    const infos = versions.map((version) => (typeof version === "string" ? versionInfo(version) : version));
    this.functions.set(functionName, {
      versions: new Map(infos.map((info) => [info.version, info])),
      aliases: new Map([[alias, { functionVersion: at, weights: {}, revision: 1 }]]),
    });
  }

  /** What somebody else does to an alias: a new revision each time. */
  setAlias(functionName: string, alias: string, functionVersion: string, weights: Record<string, number> = {}): void {
    const found = this.aliasOf(functionName, alias);
    Object.assign(found, { functionVersion, weights, revision: found.revision + 1 });
  }

  async getAlias(functionName: string, alias: string): Promise<AliasState> {
    await this.calls.enter("getAlias", { functionName, alias });
    const found = this.aliasOf(functionName, alias);
    return {
      functionName,
      alias,
      functionVersion: found.functionVersion,
      weights: { ...found.weights },
      revisionId: `revision-${found.revision}`,
      arn: `arn:aws:lambda:eu-central-1:111122223333:function:${functionName}:${alias}`,
    };
  }

  async listVersions(functionName: string): Promise<VersionInfo[]> {
    await this.calls.enter("listVersions", { functionName });
    return [...this.functionOf(functionName).versions.values()];
  }

  async getVersion(functionName: string, version: string): Promise<VersionInfo | undefined> {
    await this.calls.enter("getVersion", { functionName, version });
    return this.functions.get(functionName)?.versions.get(version);
  }

  async moveAlias(move: {
    functionName: string;
    alias: string;
    version: string;
    revisionId: string;
  }): Promise<AliasState> {
    await this.calls.enter("moveAlias", move);
    const found = this.aliasOf(move.functionName, move.alias);
    if (move.revisionId !== `revision-${found.revision}`) {
      throw new GoaroundError("conflict", "dependency", `the alias ${move.alias} has changed meanwhile`);
    }
    this.setAlias(move.functionName, move.alias, move.version, {});
    return this.getAlias(move.functionName, move.alias);
  }

  async splitAlias(split: {
    functionName: string;
    alias: string;
    version: string;
    to: string;
    share: number;
    revisionId: string;
  }): Promise<AliasState> {
    await this.calls.enter("splitAlias", split);
    const found = this.aliasOf(split.functionName, split.alias);
    if (split.revisionId !== `revision-${found.revision}`) {
      throw new GoaroundError("conflict", "dependency", `the alias ${split.alias} has changed meanwhile`);
    }
    this.setAlias(split.functionName, split.alias, split.version, { [split.to]: split.share });
    return this.getAlias(split.functionName, split.alias);
  }

  async invoke(request: InvocationRequest): Promise<InvocationResult> {
    const { attempts } = request;
    attempts?.began();
    if (this.whileThrottled) {
      attempts?.ended();
      await this.whileThrottled();
      attempts?.began();
    }
    const { attempts: _, ...asked } = request;
    await this.calls.enter("invoke", asked);
    attempts?.ended();
    return {
      statusCode: 200,
      functionError: undefined,
      payload: {},
      durationMs: 20,
      executedVersion: request.qualifier,
      ...this.respond(asked),
    };
  }

  private functionOf(functionName: string): FakeFunction {
    const found = this.functions.get(functionName);
    if (!found) throw new GoaroundError("function-missing", "operator", `there is no function ${functionName}`);
    return found;
  }

  private aliasOf(functionName: string, alias: string) {
    const found = this.functionOf(functionName).aliases.get(alias);
    if (!found) throw new GoaroundError("alias-missing", "operator", `${functionName} has no alias ${alias}`);
    return found;
  }
}
