/**
 * Heap growth limits of the processes in percent. V8's default lets a heap grow to four times its live size.
 * The live heap is small beside the garbage of streaming, so with several processes the growth adds up.
 */
export const heapGrowthPercent = { primary: 100, worker: 100 } as const;

/**
 * Size of each half of a worker's young generation. Data of 64 concurrent calls fits, and becomes garbage
 * before it is moved. With 8 MiB, workers spend a quarter more time on a retrieval.
 */
export const semiSpaceMebibytes = 32;
