import type { Codec } from '../../../codec/index.js';
import type { CheckOptions, Violation } from '../../contract/checks.js';
import { BackgroundTurns } from '../../shared/background.js';
import type { StringCode } from '../tables/ids.js';
import { checkBoard } from './check-board.js';
import { CheckedConversations, checkRequests } from './check-conversations.js';
import { checkConversationPacks } from './check-conversation-packs.js';
import type { Report } from './check-report.js';
import { checkReferences, SegmentColumns } from './check-references.js';
import { checkFrames } from './check-frames.js';
import { CheckedBlocks } from './check-blocks.js';
import { checkTokenizers } from './check-tokenizers.js';
import { checkUsage } from './check-usage.js';
import { checkLists } from './check-lists.js';
import { checkRadix } from './check-radix.js';
import { CheckedSegments } from './check-segments.js';
import type { Tables } from '../tables/environment.js';
import { StringTable } from '../conversations/string-table.js';
import { differingFigures, readState, type State } from '../tables/meta.js';
import type { Pin } from '../tables/table.js';

/**
 * Compares every record of the pinned state with every other, and decodes every frame unless only records are
 * asked for.
 */
export async function checkVault(
  tables: Tables,
  pin: Pin,
  codec: Codec,
  { depth, onProgress, signal }: CheckOptions,
): Promise<Violation[]> {
  const violations: Violation[] = [];
  const report: Report = (invariant, subject, detail) => violations.push({ invariant, subject, detail });
  const pinned = Object.fromEntries(
    Object.entries(tables as unknown as Record<string, Tables['meta']>).map(([name, table]) => [
      name,
      table.at(pin),
    ]),
  ) as unknown as Tables;

  const state = readState(pinned.meta);
  const total = state.conversations + state.segments;
  const columns = new SegmentColumns();
  const segments = new CheckedSegments(pinned, codec, columns, report);
  const names = new StringTable(pinned.strings);
  const nameOf = (code: StringCode) => names.stringOf(code);
  const blocks = new CheckedBlocks(pinned, state, columns, nameOf, report);
  const conversations = new CheckedConversations(pinned, state, columns, blocks, nameOf, report);
  // In this order: frames define the segments, manifests the blocks, and both the references.
  const parts = [
    checkFrames(pinned, depth === 'records' ? undefined : codec, state, columns, report),
    conversations.manifests(),
    checkConversationPacks(pinned, report),
    blocks.blocks(),
    checkReferences(pinned, columns, report),
    conversations.index(),
    checkLists(pinned, nameOf, report),
    checkUsage(pinned, state, report),
    checkTokenizers(pinned, report),
    checkRadix(pinned, nameOf, report),
    checkRequests(pinned, state, nameOf, report),
    checkBoard(pinned, state, columns, report),
    segments.hashIndex(),
    segments.referenceCounts(),
    segments.garbageTable(),
  ];
  const turns = new BackgroundTurns(signal);
  let done = 0;
  for (const steps of parts) {
    for (const looked of steps) {
      done += looked;
      if (!turns.due) continue;
      onProgress?.(Math.min(done, total), total);
      await turns.pause();
    }
  }
  reportFigures(
    state,
    { ...state, ...figuresOf(columns), ...segments.garbage, ...conversations.figures() },
    report,
  );
  onProgress?.(total, total);
  return violations;
}

function figuresOf(segments: SegmentColumns): Partial<State> {
  let uniqueTokens = 0;
  let segmentBytes = 0;
  for (const id of segments.ids()) {
    uniqueTokens += segments.tokenCount(id);
    segmentBytes += segments.frameBytes(id);
  }
  return { segments: segments.count, uniqueTokens, segmentBytes };
}

function reportFigures(stored: State, counted: State, report: Report): void {
  for (const figure of differingFigures(stored, counted)) {
    report('statistics', figure, `${stored[figure]} is kept, ${counted[figure]} was counted`);
  }
}
