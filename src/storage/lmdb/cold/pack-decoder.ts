import { type ByteReader, ByteWriter } from '../../shared/bytes.js';
import { recordFlags, stringForms } from '../conversations/manifest.js';
import { messageFlags } from '../conversations/message-list.js';
import { assertRead, type ColumnReaders, corruptPack, decompressColumns, splitColumns } from './columns.js';
import { blockFigures } from './figures.js';
import { DERIVED, labelForms } from './pack-forms.js';
import { PACK_CONVERSATIONS_MAX } from './pack-head.js';
import { PackRecords } from './pack-records.js';
import { NOTHING, writeText } from './record-parts.js';
import { Foresight, ways } from './references.js';

/** Returns the records of a pack under its key. @throws StowkenError CORRUPT_STORE */
export function decodeConversationPack(key: number, pack: Uint8Array): PackRecords {
  return decodeColumns(decompressColumns(pack), key);
}

/** Puts the records together that encodeColumns() took apart. @throws StowkenError CORRUPT_STORE */
export function decodeColumns(joined: Uint8Array, firstNumber: number): PackRecords {
  const columns = splitColumns(joined);
  const decoder = new ColumnDecoder(columns);
  const ends: number[] = [];
  const numbers: number[] = [];
  let next = firstNumber;
  while (!columns.numbers.atEnd) {
    const number = next + columns.numbers.varint();
    if (number > NUMBER_MAX || numbers.length === PACK_CONVERSATIONS_MAX)
      throw corruptPack('has more conversations than one can have');
    numbers.push(number);
    next = number + 1;
    decoder.record();
    ends.push(decoder.written.length);
  }
  assertRead(columns);
  return new PackRecords(
    Uint32Array.from(numbers),
    Uint32Array.from(ends),
    Buffer.from(decoder.written.finish()),
  );
}

const NUMBER_MAX = 0xffff_ffff;

class ColumnDecoder {
  /** Records, one after the other. */
  readonly written = new ByteWriter(64 * 1024);
  /** Messages of the record that is being put together. */
  readonly #tail = new ByteWriter(1024);
  readonly #foresight: Foresight;
  readonly #labels: Uint8Array[] = [];
  #label = -1;
  #id: Uint8Array = NOTHING;
  #toolCall: Uint8Array = NOTHING;
  #storeTimeMs = 0;
  #expectedId = 0;
  /** Tokens of the messages of the record. */
  #tokens = 0;

  constructor(private readonly columns: ColumnReaders) {
    this.#foresight = new Foresight(columns.references.bytesLeft);
  }

  record(): void {
    const { columns, written } = this;
    const flags = columns.flags.varint();
    const has = (flag: number) => (flags & flag) !== 0;
    written.varint(flags);
    if (has(recordFlags.gap)) written.varint(columns.distances.varint());
    this.#id = readFrontCoded(columns.idsShared, columns.idLengths, columns.ids, this.#id);
    writeText(written, this.#id);
    this.#writeLabels();
    if (has(recordFlags.revised)) written.varint(columns.revisions.varint());
    const directory = has(recordFlags.blocks) ? textOf(columns.directories) : NOTHING;
    const messages = columns.messages.varint();
    this.#messages(messages);
    if (columns.figures.varint() === DERIVED) {
      const inBlocks = blockFigures(directory);
      written.varint(inBlocks.messageCount + messages).varint(inBlocks.totalTokens + this.#tokens);
    } else written.varint(columns.figures.varint()).varint(columns.figures.varint());
    this.#times(flags);
    if (has(recordFlags.blocks)) writeText(written, directory);
    written.raw(this.#tail.finish());
  }

  /** Writes times, and what stands between them and after them. */
  #times(flags: number): void {
    const { columns, written } = this;
    this.#storeTimeMs = whole(this.#storeTimeMs + columns.storeTimes.zigzag());
    written.varint(this.#storeTimeMs);
    if (flags & recordFlags.updated) written.varint(columns.updateTimes.varint());
    if (flags & recordFlags.dated) written.zigzag(columns.createTimes.zigzag());
    if (flags & recordFlags.parent) writeText(written, textOf(columns.parents));
    if (flags & recordFlags.expires) written.zigzag(columns.expireTimes.zigzag() + this.#storeTimeMs);
    if ((flags & recordFlags.metadata) === 0) return;
    const pairs = columns.metadataNames.varint();
    written.varint(pairs);
    for (let left = pairs; left > 0; left--) {
      writeText(written, textOf(columns.metadataNames));
      writeText(written, textOf(columns.metadataValues));
    }
  }

  #writeLabels(): void {
    const form = this.columns.labels.varint();
    if (form === labelForms.added) {
      this.#label = this.#labels.length;
      this.#labels.push(labelsOf(this.columns.newLabels));
    } else if (form !== labelForms.same) this.#label = form - labelForms.known;
    const labels = this.#labels[this.#label];
    if (!labels) throw corruptPack('names labels that it does not have');
    this.written.raw(labels);
  }

  #messages(count: number): void {
    this.#tail.truncate(0);
    this.#tokens = 0;
    this.#expectedId = 0;
    this.#foresight.begin(this.#label);
    for (let left = count; left > 0; left--) this.#message();
  }

  #message(): void {
    const { columns } = this;
    const tail = this.#tail;
    const head = columns.heads.byte();
    const { roleMask, roleFollows, hasName, hasToolCall, hasCount, hasFields } = messageFlags;
    tail.byte(head);
    if ((head & roleMask) === roleFollows) copyString(columns.roles, tail);
    if (head & hasName) copyString(columns.names, tail);
    if (head & hasToolCall) {
      const { toolCallsShared, toolCallLengths, toolCalls } = columns;
      this.#toolCall = readFrontCoded(toolCallsShared, toolCallLengths, toolCalls, this.#toolCall);
      writeText(tail, this.#toolCall);
    }
    let [count, fieldSegments] = [1, 0];
    if (head & hasCount) {
      count = columns.counts.varint();
      tail.varint(count);
      if (count === hasFields) {
        count = columns.counts.varint();
        fieldSegments = columns.counts.varint();
        tail.varint(count).varint(fieldSegments);
      }
    }
    const tokenCounts = columns.tokenCounts[head & roleMask]!;
    for (let at = 0; at < count; at++) {
      const tokens = this.#segment(tokenCounts);
      if (at < count - fieldSegments) this.#tokens += tokens;
    }
  }

  /** Writes a segment; returns its tokens. */
  #segment(tokenCounts: ByteReader): number {
    const foresight = this.#foresight;
    const id = this.#idBy(this.columns.references.byte());
    const tokens = foresight.tokenCountOf(id) ?? tokenCounts.varint();
    this.#tail.zigzag(id - this.#expectedId).varint(tokens);
    this.#expectedId = id + 1;
    foresight.learn(id, tokens);
    return tokens;
  }

  #idBy(way: number): number {
    const { greatest, successor, following } = this.#foresight;
    if (way === ways.next) return greatest + 1;
    if (way === ways.far) return whole(greatest + this.columns.farSegments.zigzag());
    const id = way === ways.successor ? successor : way === ways.following ? following : undefined;
    if (id === undefined) throw corruptPack('names a segment that no other leads to');
    return id;
  }
}

/** Returns bytes that their length precedes. */
function textOf(reader: ByteReader): Uint8Array {
  return reader.raw(reader.varint());
}

function copyString(from: ByteReader, to: ByteWriter): void {
  const form = from.varint();
  to.varint(form);
  if (form === stringForms.inline) writeText(to, textOf(from));
}

/** Reads application, model and tokenizer; returns their bytes. */
function labelsOf(reader: ByteReader): Uint8Array {
  const writer = new ByteWriter();
  for (let left = 3; left > 0; left--) copyString(reader, writer);
  return writer.finish();
}

function readFrontCoded(
  shared: ByteReader,
  lengths: ByteReader,
  rests: ByteReader,
  before: Uint8Array,
): Uint8Array {
  const same = shared.varint();
  const rest = rests.raw(lengths.varint());
  if (same > before.length) throw corruptPack('has a text that goes on another, which is shorter');
  if (same === 0) return rest;
  const text = Buffer.allocUnsafe(same + rest.length);
  text.set(before.subarray(0, same));
  text.set(rest, same);
  return text;
}

/** @throws StowkenError CORRUPT_STORE unless the value is a whole number that is not negative */
function whole(value: number): number {
  if (!(value >= 0 && Number.isSafeInteger(value))) throw corruptPack('has a number that is none');
  return value;
}
