import { limits } from '../../../model/index.js';
import type { SharedOrder } from '../../contract/shared.js';
import type { Tables } from '../tables/environment.js';
import { readReferences } from '../segments/ref-counts.js';
import { type BoardEntry, lowest, type Thresholds } from './board.js';

export interface BoardLimits {
  /** Segments that are asked for at most. */
  readonly page: number;
  /**
   * Segments that are kept for each order when a board is cut down: more than a page has, so that deletions
   * do not make it too short at once.
   */
  readonly keptPerOrder: number;
  /** Limit of a board's segments: above it, those of both orders alone are kept. */
  readonly entries: number;
  /** Limit of the record of what rose, which lies beside the state that every commit writes. */
  readonly risenBytes: number;
}

export const boardLimits: BoardLimits = {
  page: limits.pageSizeMax,
  keptPerOrder: 1152,
  entries: 2560,
  risenBytes: 1024,
};

/** An entry, and the references of its segment. */
export interface Candidate {
  readonly entry: BoardEntry;
  readonly references: number;
}

function rankOf(order: SharedOrder, { entry, references }: Candidate): number {
  return order === 'references' ? references : tokensSaved(entry.tokenCount, references);
}

function tokensSaved(tokenCount: number, references: number): number {
  return (references - 1) * tokenCount;
}

/** True if a segment that is not on the board has to be. */
export function isAbove(thresholds: Thresholds, tokenCount: number, references: number): boolean {
  if (references < 2) return false;
  return references > thresholds.references || tokensSaved(tokenCount, references) > thresholds.tokensSaved;
}

/**
 * Keeps the shared ones of a board's candidates; of too many, the first ones of both orders, and the
 * thresholds rise to what the others have at most.
 */
export function choose(
  candidates: readonly Candidate[],
  before: Thresholds,
  { entries, keptPerOrder }: BoardLimits,
): { readonly kept: Candidate[]; readonly thresholds: Thresholds } {
  const shared = candidates.filter(({ references }) => references > 1);
  if (shared.length <= entries) return { kept: shared, thresholds: before };
  const first = (order: SharedOrder) => inOrder(shared, order).slice(0, keptPerOrder);
  const chosen = new Set([...first('references'), ...first('tokensSaved')]);
  const kept = shared.filter((candidate) => chosen.has(candidate));
  let { references, tokensSaved } = before;
  for (const candidate of shared) {
    if (chosen.has(candidate)) continue;
    references = Math.max(references, candidate.references);
    tokensSaved = Math.max(tokensSaved, rankOf('tokensSaved', candidate));
  }
  return { kept, thresholds: { references, tokensSaved } };
}

/** Sorts candidates, the first ones of an order first. */
function inOrder(candidates: readonly Candidate[], order: SharedOrder): Candidate[] {
  return candidates
    .map((candidate) => ({ candidate, rank: rankOf(order, candidate) }))
    .sort((a, b) => b.rank - a.rank || a.candidate.entry.id - b.candidate.entry.id)
    .map(({ candidate }) => candidate);
}

/**
 * Returns the candidates of which it is certain that nothing outside the board comes before them, in order;
 * `whole` is true if there are no others.
 */
export function certain(
  candidates: readonly Candidate[],
  thresholds: Thresholds,
  order: SharedOrder,
): { readonly candidates: Candidate[]; readonly whole: boolean } {
  const shared = inOrder(
    candidates.filter(({ references }) => references > 1),
    order,
  );
  const bound = thresholds[order];
  return {
    candidates: shared.filter((candidate) => rankOf(order, candidate) >= bound),
    whole: bound === lowest[order],
  };
}

/** True if a board knows at least so many segments of an order, or all that are shared. */
export function hasEnough(
  candidates: readonly Candidate[],
  thresholds: Thresholds,
  order: SharedOrder,
  wanted: number,
): boolean {
  const bound = thresholds[order];
  if (bound === lowest[order]) return true;
  let sure = 0;
  for (const candidate of candidates)
    if (candidate.references > 1 && rankOf(order, candidate) >= bound) sure += 1;
  return sure >= wanted;
}

/** Reads the references of entries, which are in the order of their ids. */
export function counted(
  tables: Pick<Tables, 'refCounts' | 'bigRefCounts'>,
  entries: readonly BoardEntry[],
): Candidate[] {
  const references = readReferences(
    tables,
    entries.map(({ id }) => id),
  );
  return entries.map((entry, at) => ({ entry, references: references[at]! }));
}
