import { ByteWriter } from '../../shared/bytes.js';
import { recordFlags } from '../conversations/manifest.js';
import { messageFlags } from '../conversations/message-list.js';
import { type ColumnWriters, emptyColumns, joinColumns } from './columns.js';
import { figuresOf } from './figures.js';
import { DERIVED, labelForms, type NumberedRecord, STATED } from './pack-forms.js';
import {
  type MessageParts,
  NOTHING,
  partsOf,
  type RecordParts,
  writeRecordString,
  writeText,
} from './record-parts.js';
import { Foresight, ways } from './references.js';

/**
 * Takes records apart into columns, joined. Their numbers ascend; the first one is the pack's key, and not in
 * it. Every record must be packable.
 */
export function encodeColumns(records: readonly NumberedRecord[]): Uint8Array {
  const parts = records.map(({ record }) => partsOf(record));
  const encoder = new ColumnEncoder(parts);
  let before = records[0]?.number ?? 0;
  for (const [at, { number }] of records.entries()) {
    encoder.add(number - before, parts[at]!);
    before = number + 1;
  }
  return joinColumns(encoder.columns);
}

class ColumnEncoder {
  readonly columns: ColumnWriters = emptyColumns();
  readonly #foresight: Foresight;
  /** Positions of labels, by their bytes. */
  readonly #labels = new Map<string, number>();
  #labelsBefore = -1;
  #id: Uint8Array = NOTHING;
  #toolCall: Uint8Array = NOTHING;
  #storeTimeMs = 0;

  constructor(records: readonly RecordParts[]) {
    const namings = (messages: readonly MessageParts[]) =>
      messages.reduce((sum, { ids }) => sum + ids.length, 0);
    this.#foresight = new Foresight(records.reduce((sum, { messages }) => sum + namings(messages), 0));
  }

  add(gap: number, parts: RecordParts): void {
    const { columns } = this;
    columns.numbers.varint(gap);
    this.#header(parts);
    this.#times(parts);
    const { messageCount, totalTokens } = figuresOf(parts.directory, parts.messages);
    if (messageCount === parts.messageCount && totalTokens === parts.totalTokens)
      columns.figures.varint(DERIVED);
    else columns.figures.varint(STATED).varint(parts.messageCount).varint(parts.totalTokens);
    columns.messages.varint(parts.messages.length);
    this.#foresight.begin(this.#labelsBefore);
    for (const message of parts.messages) this.#message(message);
  }

  #header(parts: RecordParts): void {
    const { columns } = this;
    const has = (flag: number) => (parts.flags & flag) !== 0;
    columns.flags.varint(parts.flags);
    if (has(recordFlags.gap)) columns.distances.varint(parts.distance);
    this.#id = writeFrontCoded(columns.idsShared, columns.idLengths, columns.ids, this.#id, parts.id);
    this.#label(parts);
    if (has(recordFlags.revised)) columns.revisions.varint(parts.revision);
    if (has(recordFlags.parent)) writeText(columns.parents, parts.parentId);
    if (has(recordFlags.blocks)) writeText(columns.directories, parts.directory);
    if (!has(recordFlags.metadata)) return;
    columns.metadataNames.varint(parts.metadata.length / 2);
    for (const [at, text] of parts.metadata.entries())
      writeText(at % 2 === 0 ? columns.metadataNames : columns.metadataValues, text);
  }

  #label({ application, model, tokenizer }: RecordParts): void {
    const { labels, newLabels } = this.columns;
    const writer = new ByteWriter();
    for (const each of [application, model, tokenizer]) writeRecordString(writer, each);
    const bytes = writer.finish();
    const key = Buffer.from(bytes).toString('latin1');
    const known = this.#labels.get(key);
    if (known === undefined) {
      labels.varint(labelForms.added);
      newLabels.raw(bytes);
      this.#labelsBefore = this.#labels.size;
      this.#labels.set(key, this.#labelsBefore);
    } else {
      labels.varint(known === this.#labelsBefore ? labelForms.same : labelForms.known + known);
      this.#labelsBefore = known;
    }
  }

  #times({ flags, storeTimeMs, updatedAfterMs, createdBeforeMs, expireTimeMs }: RecordParts): void {
    const { columns } = this;
    columns.storeTimes.zigzag(storeTimeMs - this.#storeTimeMs);
    this.#storeTimeMs = storeTimeMs;
    if (flags & recordFlags.updated) columns.updateTimes.varint(updatedAfterMs);
    if (flags & recordFlags.dated) columns.createTimes.zigzag(createdBeforeMs);
    if (flags & recordFlags.expires) columns.expireTimes.zigzag(expireTimeMs - storeTimeMs);
  }

  #message(message: MessageParts): void {
    const { columns } = this;
    const { head, role, name, toolCallId, count, fieldSegments, ids, tokenCounts } = message;
    columns.heads.byte(head);
    if (role) writeRecordString(columns.roles, role);
    if (name) writeRecordString(columns.names, name);
    if (toolCallId) {
      const { toolCallsShared, toolCallLengths, toolCalls } = columns;
      this.#toolCall = writeFrontCoded(
        toolCallsShared,
        toolCallLengths,
        toolCalls,
        this.#toolCall,
        toolCallId,
      );
    }
    if (head & messageFlags.hasCount && fieldSegments > 0)
      columns.counts.varint(messageFlags.hasFields).varint(count).varint(fieldSegments);
    else if (head & messageFlags.hasCount) columns.counts.varint(count);
    const counts = columns.tokenCounts[head & messageFlags.roleMask]!;
    for (const [at, id] of ids.entries()) this.#segment(id, tokenCounts[at]!, counts);
  }

  #segment(id: number, tokenCount: number, counts: ByteWriter): void {
    const foresight = this.#foresight;
    const way = foresight.wayTo(id);
    this.columns.references.byte(way);
    if (way === ways.far) this.columns.farSegments.zigzag(id - foresight.greatest);
    if (foresight.tokenCountOf(id) === undefined) counts.varint(tokenCount);
    foresight.learn(id, tokenCount);
  }
}

/** Writes what a text does not share with the beginning of the one before; returns the text. */
function writeFrontCoded(
  shared: ByteWriter,
  lengths: ByteWriter,
  rests: ByteWriter,
  before: Uint8Array,
  text: Uint8Array,
): Uint8Array {
  let same = 0;
  while (same < text.length && text[same] === before[same]) same += 1;
  shared.varint(same);
  lengths.varint(text.length - same);
  rests.raw(text.subarray(same));
  return text;
}
