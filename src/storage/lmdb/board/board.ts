import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import type { SegmentId } from '../tables/ids.js';
import type { Table } from '../tables/table.js';

/** Key in `meta` of the board of shared segments. */
export const BOARD_KEY = 6;
/** Key in `meta` of the segments that rose above the thresholds since the board was written. */
export const RISEN_KEY = 7;

/** Bounds of what is not on the board: no such segment has more references, or saves more tokens. */
export interface Thresholds {
  readonly references: number;
  readonly tokensSaved: number;
}

/** Thresholds of a board that has every segment with two references or more. */
export const lowest: Thresholds = { references: 1, tokensSaved: 0 };

/** First and last conversation with a segment, by their create times. */
export interface UseSpan {
  firstNumber: number;
  firstMs: number;
  lastNumber: number;
  lastMs: number;
}

export interface BoardEntry {
  readonly id: SegmentId;
  readonly tokenCount: number;
  /** Uses by conversations up to the board's `to`: the first one, and those since it is on the board. */
  uses: UseSpan | undefined;
}

export interface Board {
  /** Conversations up to this number are in the entries' uses. */
  readonly to: number;
  /** Segments below this one were stored when conversation `to` was the last. */
  readonly nextSegment: number;
  readonly thresholds: Thresholds;
  /** In the order of their ids. */
  readonly entries: readonly BoardEntry[];
}

/** Token counts of the segments that rose, by id. */
export type Risen = ReadonlyMap<SegmentId, number>;

export const emptyBoard: Board = { to: 0, nextSegment: 1, thresholds: lowest, entries: [] };

/** Returns undefined if the vault has none: it is to be built. @throws StowkenError CORRUPT_STORE */
export function readBoard(meta: Table<number>): Board | undefined {
  const record = meta.get(BOARD_KEY);
  return record && decodeBoard(record);
}

/** @throws StowkenError CORRUPT_STORE */
export function readRisen(meta: Table<number>): Risen {
  const record = meta.get(RISEN_KEY);
  return record ? decodeRisen(record) : new Map<SegmentId, number>();
}

/** Writes a board that has what rose. */
export function writeBoard(meta: Table<number>, board: Board): void {
  meta.put(BOARD_KEY, encodeBoard(board));
  if (meta.has(RISEN_KEY)) meta.remove(RISEN_KEY);
}

/** Removes the board: it is built again. */
export function dropBoard(meta: Table<number>): void {
  for (const key of [BOARD_KEY, RISEN_KEY]) if (meta.has(key)) meta.remove(key);
}

export function encodeBoard({ to, nextSegment, thresholds, entries }: Board): Uint8Array {
  const writer = new ByteWriter(64 + 20 * entries.length);
  writer.varint(to).varint(nextSegment).varint(thresholds.references).varint(thresholds.tokensSaved);
  let before = 0;
  for (const { id, tokenCount, uses } of entries) {
    writer.varint(id - before).varint(tokenCount);
    before = id;
    if (!uses) {
      writer.varint(0);
      continue;
    }
    writer
      .varint(uses.firstNumber)
      .zigzag(uses.firstMs)
      .zigzag(uses.lastNumber - uses.firstNumber)
      .varint(uses.lastMs - uses.firstMs);
  }
  return writer.finish();
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeBoard(record: Uint8Array): Board {
  const reader = new ByteReader(record);
  const to = reader.varint();
  const nextSegment = reader.varint();
  const thresholds = { references: reader.varint(), tokensSaved: reader.varint() };
  const entries: BoardEntry[] = [];
  let id = 0;
  while (!reader.atEnd) {
    const distance = reader.varint();
    if (distance === 0) throw new StowkenError('CORRUPT_STORE', 'the board has a segment twice');
    id += distance;
    const tokenCount = reader.varint();
    const firstNumber = reader.varint();
    let uses: UseSpan | undefined;
    if (firstNumber > 0) {
      const firstMs = reader.zigzag();
      const lastNumber = firstNumber + reader.zigzag();
      uses = { firstNumber, firstMs, lastNumber, lastMs: firstMs + reader.varint() };
    }
    entries.push({ id: id as SegmentId, tokenCount, uses });
  }
  return { to, nextSegment, thresholds, entries };
}

/** Encodes segments in the order in which they rose. */
export function encodeRisen(risen: Risen): Uint8Array {
  const writer = new ByteWriter(8 * risen.size);
  for (const [id, tokenCount] of risen) writer.varint(id).varint(tokenCount);
  return writer.finish();
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeRisen(record: Uint8Array): Risen {
  const reader = new ByteReader(record);
  const risen = new Map<SegmentId, number>();
  while (!reader.atEnd) risen.set(reader.varint() as SegmentId, reader.varint());
  return risen;
}

/** Returns the entries of a board with those that rose since, in the order of their ids. */
export function entriesWith(entries: readonly BoardEntry[], risen: Risen): BoardEntry[] {
  if (risen.size === 0) return [...entries];
  const known = new Set(entries.map(({ id }) => id));
  const added = [...risen]
    .filter(([id]) => !known.has(id))
    .map(([id, tokenCount]): BoardEntry => ({ id, tokenCount, uses: undefined }));
  return [...entries, ...added].sort((a, b) => a.id - b.id);
}

/** Returns a span with one use more. */
export function withUse(uses: UseSpan | undefined, number: number, timeMs: number): UseSpan {
  if (!uses) return { firstNumber: number, firstMs: timeMs, lastNumber: number, lastMs: timeMs };
  if (timeMs < uses.firstMs || (timeMs === uses.firstMs && number < uses.firstNumber)) {
    uses.firstMs = timeMs;
    uses.firstNumber = number;
  }
  if (timeMs > uses.lastMs || (timeMs === uses.lastMs && number > uses.lastNumber)) {
    uses.lastMs = timeMs;
    uses.lastNumber = number;
  }
  return uses;
}
