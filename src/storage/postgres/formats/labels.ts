import type { Conversation } from '../../../model/index.js';
import { valueOf } from '../../shared/records.js';
import { bytes, type Row, text } from '../database/driver.js';
import { type PackId, uuidOf } from './ids.js';

/** A label of a vault: a metadata key by whose values conversations are found. */
export interface Label {
  /** Its number, which no other label has or had. */
  readonly l: PackId;
  readonly name: string;
  /** True if all conversations with a value have a tag. */
  readonly isReady: boolean;
  /** True: it is no label any more, and its tags are being removed. */
  readonly isDropped: boolean;
}

/** The row by which a label finds a conversation, but for the conversation's own columns. */
export interface Tag {
  readonly l: PackId;
  readonly h: string;
  readonly createdMs: number;
  readonly cid: PackId;
}

export function labelFrom(row: Row): Label {
  return {
    l: text(row['l']),
    name: bytes(row['name']).toString(),
    isReady: row['ready'] === true,
    isDropped: row['dropped'] === true,
  };
}

export function tagsOf(labels: readonly Label[], conversation: Conversation, cid: PackId): Tag[] {
  return labels.flatMap(({ l, name }) => {
    const value = valueOf(conversation, 'metadata', name);
    return value === undefined ? [] : [{ l, h: uuidOf(value), createdMs: conversation.createTimeMs, cid }];
  });
}

export function isSameTag(a: Tag, b: Tag): boolean {
  return a.l === b.l && a.h === b.h && a.createdMs === b.createdMs && a.cid === b.cid;
}
