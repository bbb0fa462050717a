import { limits } from '../model/index.js';

/** Time to wait before the next try, after so many tries in a row that did not last. */
export function restartDelayMs(failures: number): number {
  if (failures <= 1) return 0;
  return Math.min(limits.workerRestartMs * 2 ** Math.min(failures - 2, 30), limits.workerRestartMsMax);
}
