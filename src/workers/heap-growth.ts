/**
 * V8 lets a heap grow to four times what lives in it, which is little beside what it lets become garbage while it
 * streams: of several processes that is much.
 */
export const heapGrowthPercent = 50;
