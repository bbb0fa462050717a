import { countOf } from '../../../model/index.js';
import type { StoredRegistry } from '../../contract/queries.js';
import { type Codec, frameRegistryId } from '../../../codec/index.js';
import type { SegmentId } from '../tables/ids.js';
import type { SegmentColumns } from './check-references.js';
import { guarded, type Report } from './check-report.js';
import type { Tables } from '../tables/environment.js';
import { decodePack } from '../packs/pack.js';
import { framePieces, type FramePieces } from '../packs/pack-layout.js';
import { fingerprintOf } from '../segments/hash-index.js';
import { countUse, Registries, type RegistryUse } from '../segments/registries.js';
import { trustsDamagedPacks, SegmentReader } from '../packs/segment-reader.js';
import type { State } from '../tables/meta.js';

/**
 * Decodes every frame and hashes it, if there is a codec; enters each segment in `segments`. Yields 1 for
 * each.
 */
export function* checkFrames(
  tables: Tables,
  codec: Codec | undefined,
  state: State,
  segments: SegmentColumns,
  report: Report,
): Generator<number, void, void> {
  let lastId = 0;
  const uses = new Map<number, RegistryUse>();
  for (const { key, value, damage } of tables.packs.scan()) {
    // The frames of a damaged pack are checked one by one.
    if (damage) report('pack-checksum', `pack ${key}`, damage.message);
    const reader = new SegmentReader(tables, trustsDamagedPacks);
    let [firstId, packEnd] = [0, 0];
    guarded(report, 'pack', `pack ${key}`, () => {
      const pack = decodePack(key, value ?? tables.packs.unchecked(key)!.value);
      packEnd = pack.firstId + pack.entries.length;
      // A frame that only ends here was checked where it begins.
      firstId = pack.continues ? pack.firstId + 1 : pack.firstId;
      if (firstId <= lastId) report('pack', `pack ${key}`, `overlaps with segment ${lastId}`);
      if (pack.continues && !segments.has(pack.firstId) && pack.entries[0]?.piece.length !== 0) {
        report('pack', `pack ${key}`, `has the end of segment ${pack.firstId}, which is not stored`);
      }
    });
    for (let id = firstId; id < packEnd; id++) {
      checkFrame(id as SegmentId, reader, codec, segments, uses, report);
      yield segments.has(id) ? 1 : 0;
    }
    lastId = Math.max(lastId, packEnd - 1);
  }
  checkRegistries(tables, uses, state, report);
  yield* checkPieces(tables, 'frameOverflowPages', ({ headBytes }) => headBytes, segments, report);
  yield* checkPieces(tables, 'frameHalfPages', ({ halfBytes }) => halfBytes, segments, report);
  if (lastId >= state.nextSegment) {
    report('statistics', 'nextSegment', `${state.nextSegment} is kept, and there is segment ${lastId}`);
  }
}

function checkFrame(
  id: SegmentId,
  reader: SegmentReader,
  codec: Codec | undefined,
  segments: SegmentColumns,
  uses: Map<number, RegistryUse>,
  report: Report,
): void {
  const subject = `segment ${id}`;
  guarded(report, 'frame', subject, () => {
    const size = reader.size(id);
    if (!size) return;
    segments.add(id, size.frameBytes, size.tokenCount);
    const frame = reader.frame(id);
    const registryId = frameRegistryId(frame);
    if (registryId !== undefined) countUse(uses, registryId, size);
    if (!codec) return;
    segments.setFingerprint(id, fingerprintOf(codec.hashOf(frame)));
    const { tokenCount } = codec.decode(frame);
    if (tokenCount !== size.tokenCount) {
      report('frame', subject, `${countOf(tokenCount, 'token')}, not the ${size.tokenCount} that are kept`);
    }
  });
}

/** Checks that every registry that a frame names is stored and intact, and counts the frames that name it. */
function checkRegistries(
  tables: Tables,
  uses: ReadonlyMap<number, RegistryUse>,
  state: State,
  report: Report,
): void {
  const registries = new Registries(tables);
  let listed: StoredRegistry[] = [];
  guarded(report, 'registries', 'the registries', () => (listed = registries.list()));
  for (const id of uses.keys()) {
    if (!registries.has(id)) report('registries', `registry ${id}`, 'frames name it and it is not stored');
  }
  for (const { id, bytes, segments, tokens, frameBytes } of listed) {
    const use = uses.get(id) ?? { segments: 0, tokens: 0, frameBytes: 0 };
    if (use.segments !== segments || use.tokens !== tokens || use.frameBytes !== frameBytes) {
      report('registries', `registry ${id}`, `${segments} segments are kept, ${use.segments} were counted`);
    }
    guarded(report, 'registries', `registry ${id}`, () => {
      if (registries.read(id)?.length !== bytes)
        report('registries', `registry ${id}`, 'its bytes are missing');
    });
  }
  const registryBytes = listed.reduce((sum, { bytes }) => sum + bytes, 0);
  if (registryBytes !== state.registryBytes) {
    report('statistics', 'registryBytes', `${state.registryBytes} is kept, ${registryBytes} was counted`);
  }
}

/** Checks the parts of frames that belong to no segment. */
function* checkPieces(
  tables: Tables,
  table: 'frameOverflowPages' | 'frameHalfPages',
  bytesOf: (pieces: FramePieces) => number,
  segments: SegmentColumns,
  report: Report,
): Generator<number, void, void> {
  for (const { key, value, damage } of tables[table].scan()) {
    const expected = bytesOf(framePieces(segments.frameBytes(key)));
    if (damage) {
      // The frame that it is part of is reported already.
      if (expected === 0) report('frame', `segment ${key}`, damage.message);
    } else if (value.length !== expected) {
      report('frame', `segment ${key}`, `${value.length} bytes in ${table}, not ${expected}`);
    }
    yield 0;
  }
}
