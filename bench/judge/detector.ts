import type { Block } from "../../lib/core/judge/sequential/null-law.ts";

/** One way to decide, fed with blocks of its own length. */
export interface Detector {
  name: string;
  /** Seconds of a look. */
  seconds: 10 | 60;
  start(release: Release): Watch;
}

export interface Release {
  /** Share of traffic the canary was meant to get. */
  share: number;
  horizonSeconds: number;
  /** Releases that share their traffic and total of errors, and differ in which requests failed. */
  copies: number;
}

/** Looks at one block of each copy; sets `done` of those that are rolled back. */
export type Watch = (blocks: readonly Block[], elapsedSeconds: number, done: boolean[]) => void;

export const ALPHA = 0.01;
