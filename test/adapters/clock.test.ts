import { STSClient } from "@aws-sdk/client-sts";
import { afterAll, describe, expect, it } from "vitest";
import { createServiceClock } from "../../lib/adapters/clock.ts";
import { createFunctions } from "../../lib/adapters/functions.ts";
import { watched } from "../../lib/adapters/options.ts";
import { FakeClock } from "../fakes/clock.ts";
import { adapterOptions, LocalScene } from "./local-scene.ts";

const header = (time: string) => new Date(`2026-03-02T${time}Z`).toUTCString();
const at = (time: string) => new Date(`2026-03-02T${time}Z`);

describe("the service's clock", () => {
  it("is the computer's own until a reply says otherwise, and while the two agree", () => {
    const clock = createServiceClock(new FakeClock("2026-03-02T12:00:00.900Z"));
    expect(clock.now()).toEqual(at("12:00:00.900"));
    for (const text of ["12:00:00", "12:00:02", "11:59:59"]) clock.heard(header(text));
    expect(clock.now()).toEqual(at("12:00:00.900"));
  });

  it.each(["09:30:00", "12:05:00", "12:00:05"])("goes by a reply of %s on a computer that says 12:00", (time) => {
    const clock = createServiceClock(new FakeClock("2026-03-02T12:00:00.000Z"));
    clock.heard(header(time));
    expect(Math.abs(clock.now().getTime() - at(time).getTime())).toBeLessThan(1000);
  });

  it("goes on with the computer's clock from there, and follows a service that runs faster", () => {
    const local = new FakeClock("2026-03-02T12:00:00.000Z");
    const clock = createServiceClock(local);
    clock.heard(header("13:00:00"));
    local.advance(1000);
    expect(clock.now()).toEqual(at("13:00:01.500"));
    clock.heard(header("13:01:00"));
    expect(clock.now()).toEqual(at("13:01:00.500"));
  });

  it("is the computer's own again to the millisecond when that has been set right", () => {
    const local = new FakeClock("2026-03-02T12:00:00.123Z");
    const clock = createServiceClock(local);
    clock.heard(header("13:00:00"));
    local.set("2026-03-02T13:00:10.123Z");
    clock.heard(header("13:00:10"));
    expect(clock.now()).toEqual(at("13:00:10.123"));
  });

  it("makes nothing of a reply without a date", () => {
    const clock = createServiceClock(new FakeClock("2026-03-02T12:00:00.000Z"));
    for (const text of [undefined, "", "yesterday"]) clock.heard(text);
    expect(clock.now()).toEqual(at("12:00:00.000"));
  });
});

describe("adapters on a service whose clock differs", () => {
  const scene = new LocalScene("2027-01-01T00:00:00.000Z");
  afterAll(() => scene.close());

  it("hear its time from replies that are errors too", async () => {
    const aws = await scene.open();
    const clock = createServiceClock();
    const functions = createFunctions({ ...adapterOptions(aws), clock });
    await expect(functions.getAlias("nope", "live")).rejects.toMatchObject({ code: "function-missing" });
    expect(Math.abs(clock.now().getTime() - aws.clock.now())).toBeLessThan(3000);
  });

  it("leave a client as it is when nobody listens", () => {
    const client = new STSClient({});
    const before = client.middlewareStack.identify();
    expect(watched(client, {}).middlewareStack.identify()).toEqual(before);
  });
});
