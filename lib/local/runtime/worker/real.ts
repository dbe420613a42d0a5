/** The real clock and timers of the worker, taken before they are replaced by virtual ones. */
export const realSetTimeout = globalThis.setTimeout;
export const realSetImmediate = globalThis.setImmediate;
export const RealDate = globalThis.Date;
