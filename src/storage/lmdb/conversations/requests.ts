import { createHash } from 'node:crypto';
import type { ChangeResult, ManifestOutcome, RequestMark } from '../../contract/change.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import { decodeResult, encodeResult, type ResultDraft } from '../../shared/change-results.js';
import { isRemembered } from '../../shared/manifest-rules.js';
import { requestIdReused } from '../../shared/refusals.js';
import type { Tables } from '../tables/environment.js';
import { KeyIndexWriter } from '../tables/key-index.js';
import { REQUESTS_FORGOTTEN_MAX } from '../tables/layout.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import type { State } from '../tables/meta.js';
import { numberKey } from '../tables/table-keys.js';
import { NO_GAP } from './distance.js';
import { decodeHeader, encodeHeader, type StringOf } from './manifest.js';
import type { StringCodes } from './string-table.js';

/**
 * Time of the oldest stored request, as of the last look at it. Later ones are not older, so none is outdated
 * while it is not. Kept between transactions: to read and decode the oldest takes longer than to store one.
 */
export class OldestRequest {
  timeMs: number | undefined;
}

/**
 * Results of the changes made under request ids: records in the order in which they were made, and a key
 * index that finds them by the hash of the id, which also proves that one was never made. Used for one write
 * transaction, which ends with flush().
 */
export class Requests {
  readonly #numbers: KeyIndexWriter;

  constructor(
    private readonly tables: Pick<Tables, 'requests' | 'requestIds'>,
    private readonly state: State,
    private readonly names: StringCodes,
    private readonly nameOf: StringOf,
    private readonly oldest: OldestRequest,
  ) {
    this.#numbers = new KeyIndexWriter(tables.requestIds);
  }

  /**
   * Returns the result of a change under this id, unless it is too old.
   * @throws StowkenError REQUEST_ID_REUSED
   */
  replay(mark: RequestMark): ChangeResult | undefined {
    const { id, digest } = mark;
    const number = this.#numbers.find(requestKey(id));
    const earlier = number === undefined ? undefined : this.#read(numberKey(number));
    if (!earlier || !isRemembered(earlier.timeMs, mark)) return undefined;
    if (earlier.digest !== digest) throw requestIdReused(id);
    return { ...earlier.result, replayed: true };
  }

  /** Stores a result, replacing an older one, and removes some outdated ones. */
  remember(mark: RequestMark, result: ChangeResult): void {
    const { id, digest, timeMs } = mark;
    const { requests } = this.tables;
    this.#forget(mark);
    const key = requestKey(id);
    const earlier = this.#numbers.find(key);
    if (earlier !== undefined) {
      requests.remove(numberKey(earlier));
      this.#numbers.remove(key);
    }
    const number = this.state.nextRequest++;
    requests.append(numberKey(number), encodeRequest({ key, timeMs, digest, result }, this.names));
    this.#numbers.insert(key, number);
  }

  /** Writes what was held back. */
  flush(): void {
    this.#numbers.flush();
  }

  #forget(mark: RequestMark): void {
    const { requests } = this.tables;
    const { timeMs } = this.oldest;
    if (timeMs !== undefined && isRemembered(timeMs, mark)) return;
    this.oldest.timeMs = undefined;
    for (let count = 0; count < REQUESTS_FORGOTTEN_MAX; count++) {
      const first = requests.firstKey();
      if (!first) return;
      // A damaged one stays, and those behind it: a caller that asks for it gets the damage.
      const oldest = undefinedIfCorrupt(() => this.#read(first));
      if (!oldest) return;
      if (isRemembered(oldest.timeMs, mark)) {
        this.oldest.timeMs = oldest.timeMs;
        return;
      }
      requests.remove(first);
      this.#numbers.remove(oldest.key);
    }
  }

  #read(key: Buffer): RequestRecord {
    const record = this.tables.requests.get(key);
    if (!record) throw this.tables.requests.corrupt(key, 'is missing: the index leads to it');
    return decodeRequest(record, this.nameOf);
  }
}

const ID_HASH_BYTES = 16;
const DIGEST_BYTES = 16;

/** A change that was made under a request id. */
export interface RequestRecord {
  /** Key of its id; see requestKey(). */
  readonly key: Buffer;
  readonly timeMs: number;
  /** 32 hexadecimal digits. */
  readonly digest: string;
  readonly result: ChangeResult;
}

/** Parts of a result that are a conversation and some counts, by bit; the rest is JSON. */
const manifestParts = ['put', 'append', 'fork'] as const;
const OTHERS = 1 << manifestParts.length;

/** Returns the first half of the id's SHA-256: ids may have any length and any bytes. */
export function requestKey(id: string): Buffer {
  return createHash('sha256').update(id, 'utf8').digest().subarray(0, ID_HASH_BYTES);
}

function encodeRequest({ key, timeMs, digest, result }: RequestRecord, names: StringCodes): Uint8Array {
  const { put, append, fork, ...others } = result;
  const outcomes = [put, append, fork];
  const hasOthers = Object.keys(others).length > 0;
  const writer = new ByteWriter().raw(key).zigzag(timeMs).raw(Buffer.from(digest, 'hex'));
  writer.varint(
    outcomes.reduce((set, outcome, bit) => set + (outcome ? 1 << bit : 0), hasOthers ? OTHERS : 0),
  );
  for (const outcome of outcomes) if (outcome) writeOutcome(writer, outcome, names);
  if (hasOthers) writer.text(encodeResult(others));
  return writer.finish();
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeRequest(record: Uint8Array, nameOf: StringOf): RequestRecord {
  const reader = new ByteReader(record);
  const key = Buffer.from(reader.raw(ID_HASH_BYTES));
  const timeMs = reader.zigzag();
  const digest = Buffer.from(reader.raw(DIGEST_BYTES)).toString('hex');
  const set = reader.varint();
  const result: ResultDraft = {};
  for (const [bit, part] of manifestParts.entries()) {
    if (set & (1 << bit)) result[part] = readOutcome(reader, nameOf);
  }
  if (set & OTHERS) Object.assign(result, decodeResult(reader.text()));
  return { key, timeMs, digest, result };
}

function writeOutcome(writer: ByteWriter, outcome: ManifestOutcome, names: StringCodes): void {
  const { conversation, unchanged, segments, newSegments, newTokens, newFrameBytes } = outcome;
  writer
    .raw(encodeHeader({ conversation, directoryBytes: undefined, distance: NO_GAP }, names))
    .byte(unchanged ? 1 : 0);
  writer.varint(segments).varint(newSegments).varint(newTokens).varint(newFrameBytes);
}

function readOutcome(reader: ByteReader, nameOf: StringOf): ManifestOutcome {
  return {
    conversation: decodeHeader(reader, nameOf).conversation,
    unchanged: reader.byte() === 1,
    segments: reader.varint(),
    newSegments: reader.varint(),
    newTokens: reader.varint(),
    newFrameBytes: reader.varint(),
  };
}
