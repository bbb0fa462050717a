import { type Conversation, StowkenError } from '../../../model/index.js';
import { sortedEntries } from '../../shared/records.js';
import { bytes, int, type Row, text, type Value } from '../database/driver.js';
import { type PackId, uuidOf } from './ids.js';
import { kindOf } from './kind.js';

/** A conversation's row. */
export interface Head {
  readonly conversation: Conversation;
  /** Its place in the order of creation, after its create time. */
  readonly cid: PackId;
  /** Its list: the id of the list's first part. */
  readonly k: PackId;
  /** Parts that its list ever had. */
  readonly parts: number;
}

/** Columns of a row, in the order of headValues. */
export const headColumns =
  'rev, msgs, parts, cid, k, toks, created, stored, updated, expires, idh, id, app, model, tok, parent, meta, kind';

export function headValues({ conversation, cid, k, parts }: Head): Value[] {
  const { id, application, model, tokenizer, parentId, expireTimeMs, metadata } = conversation;
  const { revision, messageCount, totalTokens, createTimeMs, storeTimeMs, updateTimeMs } = conversation;
  const entries = sortedEntries(metadata);
  return [
    ...[revision, messageCount, parts, cid, k, totalTokens, createTimeMs, storeTimeMs, updateTimeMs],
    ...[expireTimeMs ?? null, uuidOf(id)],
    ...[id, application, model, tokenizer, parentId].map((field) => Buffer.from(field)),
    ...[Buffer.from(entries.length === 0 ? '' : JSON.stringify(entries)), kindOf(conversation)],
  ];
}

/** @throws StowkenError CORRUPT_STORE */
export function headFrom(row: Row): Head {
  const string = (column: string) => bytes(row[column]).toString();
  const conversation: Conversation = {
    id: string('id'),
    application: string('app'),
    model: string('model'),
    tokenizer: string('tok'),
    parentId: string('parent'),
    expireTimeMs: row['expires'] === null ? undefined : int(row['expires']),
    metadata: metadataFrom(string('meta')),
    revision: int(row['rev']),
    messageCount: int(row['msgs']),
    totalTokens: int(row['toks']),
    createTimeMs: int(row['created']),
    storeTimeMs: int(row['stored']),
    updateTimeMs: int(row['updated']),
  };
  return { conversation, cid: text(row['cid']), k: text(row['k']), parts: int(row['parts']) };
}

function metadataFrom(json: string): Record<string, string> {
  if (json === '') return {};
  try {
    return Object.fromEntries(JSON.parse(json) as [string, string][]);
  } catch (error) {
    const message = "a conversation's metadata does not decode";
    throw new StowkenError('CORRUPT_STORE', message, {}, { cause: error });
  }
}
