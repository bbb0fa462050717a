export { countTasks, TaskActivity, type TaskName, taskNames } from './maintain/task-activity.js';
export { clockBehind, type ClockBehind } from './maintain/verify.js';
export { AutoCompaction, minSavingsRatioDefault, type AutoCompactionEvents } from './compaction/index.js';
export type * from './compaction/types.js';
export type { Preparation } from './maintain/preparation.js';
export * from './types.js';
export * from './create-vault.js';
export type * from './vault.js';
