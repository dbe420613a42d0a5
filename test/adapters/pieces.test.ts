import { describe, expect, it } from "vitest";
import { systemClock } from "../../lib/adapters/clock.ts";
import { hashConfiguration } from "../../lib/adapters/functions.ts";
import { createAdapters } from "../../lib/adapters/index.ts";
import { toMessage, toSubject } from "../../lib/adapters/notifier.ts";
import { clientConfig, lazy } from "../../lib/adapters/options.ts";

describe("configuration hash", () => {
  const base = { Runtime: "nodejs22.x", MemorySize: 128, Environment: { Variables: { A: "1", B: "2" } } } as const;

  it("does not depend on revision, dates or the order of variables", () => {
    const same = {
      ...base,
      RevisionId: "x",
      LastModified: "y",
      Description: "z",
      Version: "7",
      Environment: { Variables: { B: "2", A: "1" } },
    };
    expect(hashConfiguration(same)).toBe(hashConfiguration(base));
  });

  it("changes with environment, memory, layers and role", () => {
    const others = [
      { ...base, Environment: { Variables: { A: "1", B: "3" } } },
      { ...base, MemorySize: 256 },
      { ...base, Layers: [{ Arn: "arn:layer:1" }] },
      { ...base, Role: "arn:role" },
    ];
    expect(new Set([base, ...others].map(hashConfiguration)).size).toBe(5);
  });

  it("takes the defaults that older answers leave out for what they are", () => {
    const spelled = { ...base, Architectures: ["x86_64" as const], EphemeralStorage: { Size: 512 } };
    expect(hashConfiguration(spelled)).toBe(hashConfiguration(base));
  });
});

describe("notification", () => {
  const notification = {
    severity: "critical",
    subject: "Rolled back checkout",
    lines: ["One.", "Two."],
    data: { a: 1 },
  } as const;

  it("marks what is urgent and keeps to a subject that SNS accepts", () => {
    expect(toSubject({ ...notification, lines: [] })).toBe("[CRITICAL] Rolled back checkout");
    const long = toSubject({ ...notification, lines: [], subject: `über\n${"x".repeat(200)}` });
    expect(long.length).toBeLessThan(100);
    expect(long).toMatch(/^[\x20-\x7e]+$/);
  });

  it("says it in sentences first and as JSON after", () => {
    const message = toMessage({ ...notification, lines: [...notification.lines] });
    expect(message.startsWith("One.\nTwo.\n\n{")).toBe(true);
    expect(JSON.parse(message.slice(message.indexOf("{")))).toEqual({ severity: "critical", a: 1 });
  });
});

describe("adapters", () => {
  it("refuse to notify without a topic, naming the variable", async () => {
    const { notifier } = createAdapters({ environment: "dev" });
    const sent = notifier.notify({ severity: "info", subject: "s", lines: [], data: {} });
    await expect(sent).rejects.toMatchObject({ code: "usage", advice: expect.stringContaining("GOAROUND_TOPIC_ARN") });
  });

  it("name themselves and the actor in the user agent", () => {
    expect(clientConfig({ actor: "rollback" })).toMatchObject({ customUserAgent: "goaround/rollback" });
  });

  it("make a client at its first use, and only once", () => {
    let made = 0;
    const client = lazy(() => ++made);
    expect(made).toBe(0);
    expect([client(), client()]).toEqual([1, 1]);
  });

  it("end a sleep at once when it is aborted, with the reason given", async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(60_000, controller.signal);
    controller.abort(new Error("enough"));
    await expect(sleeping).rejects.toThrow("enough");
  });
});
