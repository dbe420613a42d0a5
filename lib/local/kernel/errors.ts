/** An error as AWS answers it. `code` is the shape name; the transport writes it in each protocol's own place. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;
  /** The query-protocol code where it differs from the shape name (`LimitExceededFault` → `LimitExceeded`). */
  readonly queryCode: string | undefined;
  /** Further members of the error shape (`Type`, `Reason`, `Details`, `ResourceType` …). */
  readonly members: Record<string, unknown>;

  constructor(
    code: string,
    message: string,
    options: { status?: number; queryCode?: string; members?: Record<string, unknown> } = {},
  ) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = options.status ?? 400;
    this.queryCode = options.queryCode;
    this.members = options.members ?? {};
  }

  get fault(): "client" | "server" {
    return this.status >= 500 ? "server" : "client";
  }
}

/** What the local AWS does not do fails loudly, naming service and operation. */
export function notImplemented(service: string, operation: string, what = ""): AwsError {
  return new AwsError(
    "NotImplementedException",
    `The local AWS does not implement ${service} ${operation}${what ? ` (${what})` : ""}.`,
    { status: 501 },
  );
}
