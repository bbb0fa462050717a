import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter } from '../../bytes.js';
import type { ChangeResult, ManifestOutcome } from '../../change.js';
import { decodeResult, encodeResult, type ResultDraft } from '../../change-results.js';
import { decodeHeader, encodeHeader, type NameOf } from './manifest.js';
import type { NameCodes } from './names.js';

const ID_HASH_BYTES = 16;
const DIGEST_BYTES = 16;

/** A change that was made under a request id. */
export interface RequestRecord {
  /** Its place in the order in which requests are forgotten. */
  readonly number: number;
  readonly timeMs: number;
  /** 32 hexadecimal digits. */
  readonly digest: string;
  readonly result: ChangeResult;
}

/** The parts of a result that are a conversation and some counts, by bit; what else there is, is JSON. */
const manifestParts = ['put', 'append', 'fork'] as const;
const OTHERS = 1 << manifestParts.length;

/** The first half of the id's SHA-256: ids are of any length and any choice. */
export function requestKey(id: string): Buffer {
  return createHash('sha256').update(id, 'utf8').digest().subarray(0, ID_HASH_BYTES);
}

export function encodeRequest(
  { number, timeMs, digest, result }: RequestRecord,
  names: NameCodes,
): Uint8Array {
  const { put, append, fork, ...others } = result;
  const outcomes = [put, append, fork];
  const hasOthers = Object.keys(others).length > 0;
  const writer = new ByteWriter().varint(number).zigzag(timeMs).raw(Buffer.from(digest, 'hex'));
  writer.varint(
    outcomes.reduce((set, outcome, bit) => set + (outcome ? 1 << bit : 0), hasOthers ? OTHERS : 0),
  );
  for (const outcome of outcomes) if (outcome) writeOutcome(writer, outcome, names);
  if (hasOthers) writer.text(encodeResult(others));
  return writer.finish();
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeRequest(record: Uint8Array, nameOf: NameOf): RequestRecord {
  const reader = new ByteReader(record);
  const number = reader.varint();
  const timeMs = reader.zigzag();
  const digest = Buffer.from(reader.raw(DIGEST_BYTES)).toString('hex');
  const set = reader.varint();
  const result: ResultDraft = {};
  for (const [bit, part] of manifestParts.entries()) {
    if (set & (1 << bit)) result[part] = readOutcome(reader, nameOf);
  }
  if (set & OTHERS) Object.assign(result, decodeResult(reader.text()));
  return { number, timeMs, digest, result };
}

function writeOutcome(writer: ByteWriter, outcome: ManifestOutcome, names: NameCodes): void {
  const { conversation, unchanged, segments, newSegments, newTokens, newFrameBytes } = outcome;
  writer.raw(encodeHeader({ conversation, directoryBytes: undefined }, names)).byte(unchanged ? 1 : 0);
  writer.varint(segments).varint(newSegments).varint(newTokens).varint(newFrameBytes);
}

function readOutcome(reader: ByteReader, nameOf: NameOf): ManifestOutcome {
  return {
    conversation: decodeHeader(reader, nameOf).conversation,
    unchanged: reader.byte() === 1,
    segments: reader.varint(),
    newSegments: reader.varint(),
    newTokens: reader.varint(),
    newFrameBytes: reader.varint(),
  };
}
