import { realSetImmediate, realSetTimeout } from "./real.ts";

/**
 * Turns of the event loop, a millisecond apart, after which a handler without timer or request counts as hung, and an
 * answer as one that nobody reads. Long enough for what the event loop cannot see, short enough not to stall a
 * rehearsal; turns and not time, because on a busy machine a thread may get none for a second.
 */
const HUNG_TURNS = 250;
/** Turns of the event loop in which nothing happened; promise chains and `setImmediate` hops fit between. */
const QUIET_TURNS = 3;
/** Resources of an event loop that wait without working. Everything else (file reads, look-ups) is work. */
const WAITING_RESOURCES = new Set([
  "MessagePort",
  "Timeout",
  "Immediate",
  "TCPSocketWrap",
  "TCPServerWrap",
  "TLSWrap",
  "PipeWrap",
  "TTYWrap",
  "UDPWrap",
]);

export interface ActivitySources {
  nextTimerAt(): number | undefined;
  waitingRequests(): string[];
  receivingAnswers(): number;
  declareIdle(until: number | undefined, requests: string[]): void;
  declareBusy(): void;
}

/** Decides when the handler only waits, and says so once. */
export class Activity {
  private running = false;
  private declared = false;
  private quietTurns = 0;
  private checking = false;
  private readonly sources: ActivitySources;

  constructor(sources: ActivitySources) {
    this.sources = sources;
  }

  /** An invocation has begun, or virtual time has moved: the next declaration is news. */
  takeTurn(): void {
    this.running = true;
    this.declared = false;
    this.kick();
  }

  /** The invocation is over: a frozen environment has no activity. */
  freeze(): void {
    this.running = false;
    this.declared = false;
  }

  /** Something happened: a timer was set or fired, a request began, an answer arrived. */
  kick(): void {
    if (!this.running) return;
    if (this.declared) {
      this.declared = false;
      this.sources.declareBusy();
    }
    this.quietTurns = 0;
    this.checkSoon();
  }

  private checkSoon(delayMs = 0): void {
    if (this.checking) return;
    this.checking = true;
    const check = () => {
      this.checking = false;
      this.check();
    };
    if (delayMs > 0) realSetTimeout(check, delayMs);
    else realSetImmediate(check);
  }

  private check(): void {
    if (!this.running || this.declared) return;
    if (process.getActiveResourcesInfo().some((resource) => !WAITING_RESOURCES.has(resource))) {
      this.quietTurns = 0;
      this.checkSoon(1);
      return;
    }
    this.quietTurns += 1;
    const until = this.sources.nextTimerAt();
    const requests = this.sources.waitingRequests();
    const waitsForNothing = until === undefined && requests.length === 0;
    const unsure = waitsForNothing || this.sources.receivingAnswers() > 0;
    if (this.quietTurns < (unsure ? HUNG_TURNS : QUIET_TURNS)) this.checkSoon(unsure ? 1 : 0);
    else this.declare(until, requests);
  }

  private declare(until: number | undefined, requests: string[]): void {
    if (!this.running) return;
    this.declared = true;
    this.sources.declareIdle(until, requests);
  }
}
