/**
 * V8 lets a heap grow to four times what lives in it, which is little beside what it lets become garbage while it
 * streams: of several processes that is much.
 */
export const heapGrowthPercent = { primary: 100, worker: 100 } as const;

/**
 * Of a worker's young generation, each half. What 64 calls have under way has room in it, and is garbage before it is
 * moved: with 8 MiB of it, workers spend a quarter more time on a retrieval.
 */
export const semiSpaceMebibytes = 32;
