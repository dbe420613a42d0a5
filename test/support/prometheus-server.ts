import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The server's program: `prometheus` of the PATH (Debian's package of that name), or what the variable names. */
const PROGRAM = process.env.PROMETHEUS ?? "prometheus";

/** Undefined, or why there can be no Prometheus here. */
export function withoutPrometheus(): string | undefined {
  const { error, status } = spawnSync(PROGRAM, ["--version"], { stdio: "ignore" });
  if (!error && status === 0) return undefined;
  return `there is no program "${PROGRAM}": install the package prometheus, or name it in the variable PROMETHEUS`;
}

export interface Series {
  labels: Readonly<Record<string, string>>;
  /** Oldest first. */
  samples: readonly { atMs: number; value: number }[];
}

/** A real Prometheus on 127.0.0.1 that scrapes nothing and takes what it is sent. */
export class PrometheusServer {
  readonly url: string;
  private readonly process: ChildProcess;
  private readonly folder: string;

  private constructor(url: string, process: ChildProcess, folder: string) {
    this.url = url;
    this.process = process;
    this.folder = folder;
  }

  static async start(): Promise<PrometheusServer> {
    const folder = mkdtempSync(join(tmpdir(), "goaround-prometheus-"));
    const port = await freePort();
    writeFileSync(join(folder, "prometheus.yml"), "scrape_configs: []\n");
    const child = spawn(
      PROGRAM,
      [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        "--storage.tsdb.retention.time=10y",
        `--web.listen-address=127.0.0.1:${port}`,
        "--web.enable-remote-write-receiver",
        "--log.level=error",
      ],
      { stdio: "ignore" },
    );
    const server = new PrometheusServer(`http://127.0.0.1:${port}`, child, folder);
    for (let attempt = 0; ; attempt += 1) {
      const ready = await fetch(`${server.url}/-/ready`).catch(() => undefined);
      if (ready?.ok) return server;
      if (attempt === 200 || child.exitCode !== null) throw new Error("Prometheus did not become ready");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Remote write, version 1 (Prometheus remote-write specification 1.0). */
  async write(series: readonly Series[]): Promise<void> {
    const body = snappy(writeRequest(series));
    const headers = {
      "content-type": "application/x-protobuf",
      "content-encoding": "snappy",
      "x-prometheus-remote-write-version": "0.1.0",
    };
    const response = await fetch(`${this.url}/api/v1/write`, { method: "POST", headers, body: new Uint8Array(body) });
    if (!response.ok) throw new Error(`remote write answered ${response.status}: ${await response.text()}`);
  }

  /** Also of one that has stopped. */
  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGKILL");
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
}

/** A length-delimited field of protobuf. */
const field = (number: number, content: Buffer | string) => {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
};

const writeRequest = (series: readonly Series[]) =>
  Buffer.concat(
    series.map(({ labels, samples }) => {
      const names = Object.keys(labels).sort();
      const pairs = names.map((name) => field(1, Buffer.concat([field(1, name), field(2, labels[name] ?? "")])));
      return field(1, Buffer.concat([...pairs, ...samples.map((one) => field(2, sample(one)))]));
    }),
  );

function sample({ atMs, value }: Series["samples"][number]): Buffer {
  const number = Buffer.alloc(8);
  number.writeDoubleLE(value);
  return Buffer.concat([Buffer.from([(1 << 3) | 1]), number, Buffer.from([2 << 3]), varint(atMs)]);
}

/** Snappy's block format without compression: the length, then literals of at most 64 KB. */
function snappy(content: Buffer): Buffer {
  const parts = [varint(content.length)];
  for (let start = 0; start < content.length; start += 65_536) {
    const part = content.subarray(start, start + 65_536);
    const length = part.length - 1;
    parts.push(Buffer.from([61 << 2, length & 255, length >> 8]), part);
  }
  return Buffer.concat(parts);
}
