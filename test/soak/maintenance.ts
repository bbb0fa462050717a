import { isClientError, type StowkenClient } from '../../src/client/index.js';
import type { Random } from '../crash/random.js';
import { Broken } from './compare.js';

/** Runs one job of maintenance at random; resolves to its name. */
export async function maintain(
  client: StowkenClient,
  random: Random,
  { canBackUp }: { readonly canBackUp: boolean },
): Promise<string> {
  switch (random.below(6)) {
    case 0:
      await compact(client);
      return 'compact';
    case 1:
      await verified(client);
      return 'verify';
    case 2:
      if (!canBackUp) return 'nothing to do';
      for await (const bytes of client.backup()) void bytes;
      return 'backup';
    default:
      for await (const part of client.collectGarbage({ minAgeMs: 0 })) void part;
      return 'collect garbage';
  }
}

async function compact(client: StowkenClient): Promise<void> {
  try {
    for await (const part of client.compactSubstrings({ minSavingsRatio: 0.01 })) void part;
  } catch (error) {
    // A job started through a worker that was killed may not have ended yet, or have the right to it.
    if (!isClientError(error, 'COMPACTION_RUNNING')) throw error;
  }
}

/** @throws Broken if the server finds the vault damaged */
export async function verified(client: StowkenClient): Promise<void> {
  const violations = [];
  for await (const part of client.verify()) {
    if (part.kind === 'violation') violations.push(part);
    if (part.kind === 'summary' && part.violations > 0)
      throw new Broken(`${part.violations} violations: ${JSON.stringify(violations.slice(0, 3))}`);
  }
}
