import { realClearTimeout, realNow, realSetImmediate, realSetTimeout } from "./real.ts";

/**
 * Real milliseconds without timer or request after which a handler counts as hung. Long enough for work that the
 * event loop cannot see (compression, hashing), short enough not to stall a rehearsal.
 */
const HUNG_AFTER_REAL_MS = 250;
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
  private lastKickAt = 0;
  private hungTimer: NodeJS.Timeout | undefined;
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
    realClearTimeout(this.hungTimer);
  }

  /** Something happened: a timer was set or fired, a request began, an answer arrived. */
  kick(): void {
    if (!this.running) return;
    if (this.declared) {
      this.declared = false;
      this.sources.declareBusy();
    }
    realClearTimeout(this.hungTimer);
    this.quietTurns = 0;
    this.lastKickAt = realNow();
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
    const quietForMs = realNow() - this.lastKickAt;
    // An answer whose body nobody reads would hold the clock for ever.
    const reading = this.sources.receivingAnswers() > 0 && quietForMs < HUNG_AFTER_REAL_MS;
    if (reading || process.getActiveResourcesInfo().some((resource) => !WAITING_RESOURCES.has(resource))) {
      this.quietTurns = 0;
      this.checkSoon(1);
      return;
    }
    this.quietTurns += 1;
    if (this.quietTurns < QUIET_TURNS) {
      this.checkSoon();
      return;
    }
    const until = this.sources.nextTimerAt();
    const requests = this.sources.waitingRequests();
    if (until === undefined && requests.length === 0) {
      this.hungTimer = realSetTimeout(() => this.declare(undefined, []), Math.max(0, HUNG_AFTER_REAL_MS - quietForMs));
    } else {
      this.declare(until, requests);
    }
  }

  private declare(until: number | undefined, requests: string[]): void {
    if (!this.running) return;
    this.declared = true;
    this.sources.declareIdle(until, requests);
  }
}
