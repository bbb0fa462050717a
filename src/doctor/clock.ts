import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../model/index.js';
import { type Finding, ok, problem, warning } from './finding.js';

/** A clock before this time was never set: the program is newer. */
const earliestMs = Date.parse('2026-01-01T00:00:00Z');

/** Checks the clock against the program, and against the last change of the files that it made. */
export async function examineClock(dataDir: string, nowMs: number): Promise<Finding> {
  const now = new Date(nowMs).toISOString();
  const mend = 'set the clock, and keep it with NTP: timedatectl set-ntp true';
  if (nowMs < earliestMs) return problem('clock', `it says ${now}`, mend);
  const files = ['vault.mdb', 'VAULT'].map((name) => stat(join(dataDir, name)).catch(() => undefined));
  const newestMs = Math.max(...(await Promise.all(files)).map((found) => found?.mtimeMs ?? -Infinity));
  if (newestMs - nowMs > limits.clockBehindMsMax) {
    const newest = new Date(newestMs).toISOString();
    return warning('clock', `it says ${now}, and the vault was changed at ${newest}`, mend);
  }
  return ok('clock', now);
}
