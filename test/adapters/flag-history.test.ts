import { afterAll, expect, it } from "vitest";
import { createFlagHistory } from "../../lib/adapters/flag-history.ts";
import { createFlags } from "../../lib/adapters/flags.ts";
import { adapterOptions, drive, flagProfile, LocalScene } from "./local-scene.ts";

const scene = new LocalScene("2026-03-02T12:00:00.000Z");
afterAll(() => scene.close());

it("reads what AppConfig has deployed before, and reverts the latest", async () => {
  const aws = await scene.open();
  await flagProfile(aws, { new_api: false });
  const flags = createFlags(adapterOptions(aws));
  const history = createFlagHistory(adapterOptions(aws));
  const target = await flags.resolve({ application: "flags", environment: "dev", profile: "router" });
  const first = (await history.completed(target))[0]!;
  const { document, hashes } = (await flags.deployed(target))!;
  const on = { ...document, values: { new_api: { enabled: true, limit: 7 } } };
  const second = await flags.createVersion(target, on, "goaround: on");
  const number = await flags.deploy(target, second, "goaround-dev-kill", "goaround: on");
  await aws.clock.advanceBy(120_000);

  expect((await history.completed(target)).map(({ number, version }) => ({ number, version }))).toEqual([
    { number, version: second },
    { number: first.number, version: first.version },
  ]);
  expect((await history.completed(target))[0]?.completedAt).toBeInstanceOf(Date);
  expect(await history.content(target, first.version)).toMatchObject({ document, hashes });

  await drive(aws, history.revert(target, number));
  await aws.clock.advanceBy(120_000);
  expect((await flags.deployed(target))?.document.values).toMatchObject({ new_api: { enabled: false } });
  await expect(history.content(target, 99)).rejects.toMatchObject({ code: "flags-missing" });
});
