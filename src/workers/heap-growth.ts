/**
 * V8 lets a heap grow to four times what lives in it, which is little beside what it lets become garbage while it
 * streams: of several processes that is much.
 */
export const heapGrowthPercent = { primary: 50, worker: 60 } as const;

/**
 * Of a worker's young generation, each half. A shorter one saves memory and costs time, as does a heap that grows
 * less: this much of both costs the least time for what it saves.
 */
export const semiSpaceMebibytes = 8;
