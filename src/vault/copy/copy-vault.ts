import { compareCopy } from './compare.js';
import { copyPass } from './copy-pass.js';
import type { CopyFault, CopyParts, CopyPass } from './types.js';

/** Most passes over a source that goes on changing. */
const passesMax = 5;

export interface CopyReport {
  readonly passes: readonly CopyPass[];
  /** Differences between the source and its copy; undefined if they were not compared. */
  readonly differences: readonly CopyFault[] | undefined;
  /** True if the target is what the source was at the end of the last pass, as far as it can be read. */
  readonly isComplete: boolean;
}

/**
 * Copies a vault of any storage to one of any other. A source that another process changes is passed over
 * until a pass finds nothing to do, but not for ever: then the copy is not complete, and another one, when
 * nothing changes any more, takes as long as its last changes. Remembered requests, garbage and the counts of
 * usage stay behind: usage is counted from the conversations that are there.
 */
export async function copyVault(
  parts: CopyParts,
  { compares }: { readonly compares: boolean },
): Promise<CopyReport> {
  const passes: CopyPass[] = [];
  let isSettled: boolean;
  do {
    const pass = await copyPass(parts, passes.length + 1);
    passes.push(pass);
    const { copied, deleted, references } = pass;
    isSettled = !parts.source.isShared || copied + deleted + references === 0;
  } while (!isSettled && passes.length < passesMax);
  const differences = compares && isSettled ? await compareCopy(parts, passes.length) : undefined;
  const faults = passes.at(-1)?.faults ?? [];
  return { passes, differences, isComplete: isSettled && faults.length === 0 };
}
