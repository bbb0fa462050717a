import { entriesWith, readBoard, readRisen } from '../board/board.js';
import { isAbove } from '../board/choice.js';
import type { Tables } from '../tables/environment.js';
import type { State } from '../tables/meta.js';
import { guarded, type Report } from './check-report.js';
import type { SegmentColumns } from './check-references.js';

const INVARIANT = 'shared-segments';

/**
 * Checks the board of shared segments, if there is one: its entries have the tokens of their segments, and
 * no other segment is above its thresholds. To be called after all references were counted.
 */
export function* checkBoard(
  { meta }: Tables,
  state: State,
  segments: SegmentColumns,
  report: Report,
): Generator<number, void, void> {
  const ids = new Set<number>();
  let thresholds: Parameters<typeof isAbove>[0] | undefined;
  guarded(report, INVARIANT, 'board', () => {
    const board = readBoard(meta);
    if (!board) return;
    if (board.to >= state.nextConversation)
      report(INVARIANT, 'board', `has the uses of conversation number ${board.to}, which was never stored`);
    for (const { id, tokenCount } of entriesWith(board.entries, readRisen(meta))) {
      ids.add(id);
      // It may be gone; then it is left out when the board is cut down.
      if (segments.has(id) && segments.tokenCount(id) !== tokenCount)
        report(INVARIANT, `segment ${id}`, `has ${segments.tokenCount(id)} tokens, not ${tokenCount}`);
    }
    ({ thresholds } = board);
  });
  if (!thresholds) return;
  for (const id of segments.ids()) {
    if (segments.isRanked(id) && !ids.has(id)) {
      const [tokenCount, references] = [segments.tokenCount(id), segments.references(id)];
      if (isAbove(thresholds, tokenCount, references))
        report(INVARIANT, `segment ${id}`, `has ${references} references, and is not on the board`);
    }
    yield 0;
  }
}
