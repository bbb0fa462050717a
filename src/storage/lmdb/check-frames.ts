import type { Codec } from '../../codec/index.js';
import type { SegmentColumns } from './check-columns.js';
import { guarded, type Report } from './check-report.js';
import type { Tables } from './environment.js';
import { framePieces, type FramePieces } from './frame-pieces.js';
import { fingerprintOf } from './hash-index.js';
import { decodePack } from './pack.js';
import { SegmentReader } from './segment-reader.js';
import type { State } from './state.js';

/** Decodes every frame and names it again; enters each segment in `segments`. Yields 1 for each. */
export function* checkFrames(
  tables: Tables,
  codec: Codec,
  state: State,
  segments: SegmentColumns,
  report: Report,
): Generator<number, void, void> {
  let lastId = 0;
  for (const { key, value } of tables.packs.range()) {
    const reader = new SegmentReader(tables);
    let packEnd = key;
    guarded(report, 'pack', `pack ${key}`, () => {
      const { continues, entries } = decodePack(value);
      if ((continues ? key + 1 : key) <= lastId)
        report('pack', `pack ${key}`, `overlaps with segment ${lastId}`);
      packEnd = key + entries.length;
    });
    for (let id = key; id < packEnd; id++) {
      if (segments.has(id)) continue;
      checkFrame(id, reader, codec, segments, report);
      yield segments.has(id) ? 1 : 0;
    }
    lastId = Math.max(lastId, packEnd - 1);
  }
  yield* checkPieces(tables, 'heads', ({ headBytes }) => headBytes, segments, report);
  yield* checkPieces(tables, 'halves', ({ halfBytes }) => halfBytes, segments, report);
  if (lastId >= state.nextSegment) {
    report('statistics', 'nextSegment', `${state.nextSegment} is kept, and there is segment ${lastId}`);
  }
}

function checkFrame(
  id: number,
  reader: SegmentReader,
  codec: Codec,
  segments: SegmentColumns,
  report: Report,
): void {
  const subject = `segment ${id}`;
  guarded(report, 'frame', subject, () => {
    const size = reader.size(id);
    if (!size) return;
    segments.add(id, size.frameBytes, size.tokenCount);
    const frame = reader.frame(id);
    segments.setFingerprint(id, fingerprintOf(codec.hashOf(frame)));
    const { tokenCount } = codec.decode(frame);
    if (tokenCount !== size.tokenCount) {
      report('frame', subject, `${tokenCount} tokens, not the ${size.tokenCount} that are kept`);
    }
  });
}

/** Parts of frames that belong to no segment. */
function* checkPieces(
  tables: Tables,
  table: 'heads' | 'halves',
  bytesOf: (pieces: FramePieces) => number,
  segments: SegmentColumns,
  report: Report,
): Generator<number, void, void> {
  for (const { key, value } of tables[table].range()) {
    const expected = bytesOf(framePieces(segments.frameBytes(key)));
    if (value.length !== expected) {
      report('frame', `segment ${key}`, `${value.length} bytes in ${table}, not ${expected}`);
    }
    yield 0;
  }
}
