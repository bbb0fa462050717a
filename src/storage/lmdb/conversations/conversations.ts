import { type Conversation, StowkenError } from '../../../model/index.js';
import { ByteReader } from '../../shared/bytes.js';
import type { ConversationNumber } from '../tables/ids.js';
import { type ListWriter, tailBytesMax } from './list-writer.js';
import { corruptConversation, decodeHeader, encodeHeader, type Header, type StringOf } from './manifest.js';
import type { StringCodes } from './string-table.js';
import type { StoredList } from './stored-list.js';
import type { Tables } from '../tables/environment.js';
import { isDamage } from '../tables/lmdb-errors.js';
import type { IdIndex } from './id-index.js';

/** A manifest as it is stored. */
export interface StoredManifest {
  readonly conversation: Conversation;
  readonly list: StoredList;
  /** See chain.ts. */
  readonly distance: number;
}

/** A manifest under its number. */
export interface NumberedManifest extends StoredManifest {
  readonly number: ConversationNumber;
}

const NO_BYTES = new Uint8Array(0);

export function decodeManifest(record: Uint8Array, nameOf: StringOf): StoredManifest {
  const reader = new ByteReader(record);
  const { conversation, directoryBytes, distance } = decodeHeader(reader, nameOf);
  const directory = directoryBytes === undefined ? NO_BYTES : reader.raw(directoryBytes);
  return { conversation, list: { directory, tail: reader.rest() }, distance };
}

/** Reads the header only. */
export function readHeader(record: Uint8Array, nameOf: StringOf): Header {
  return decodeHeader(new ByteReader(record), nameOf);
}

/** @throws StowkenError CORRUPT_STORE */
export function findManifest(
  tables: Pick<Tables, 'conversations'>,
  ids: IdIndex,
  id: string,
  nameOf: StringOf,
): NumberedManifest | undefined {
  const number = ids.find(id);
  if (number === undefined) return undefined;
  try {
    const record = tables.conversations.get(number);
    if (!record) throw corruptConversation(number, 'the index leads to it, and it is not there');
    const manifest = decodeManifest(record, nameOf);
    if (manifest.conversation.id !== id) throw corruptConversation(number, 'it has another id');
    return { number, ...manifest };
  } catch (error) {
    if (!isDamage(error)) throw error;
    throw new StowkenError('CORRUPT_STORE', `conversation ${JSON.stringify(id)}: ${error.message}`, {
      conversation: id,
    });
  }
}

export interface ManifestToWrite {
  readonly number: ConversationNumber;
  readonly distance: number;
  readonly conversation: Conversation;
  readonly list: ListWriter;
  /** True if there is a record under this number already. */
  readonly replaces: boolean;
  /** True if the list grows message by message. */
  readonly grows: boolean;
}

/** Writes a conversation's record: header, block directory, tail. */
export function writeManifest(
  tables: Pick<Tables, 'conversations'>,
  { number, distance, conversation, list, replaces, grows }: ManifestToWrite,
  names: StringCodes,
): void {
  let { directory, tail } = list.list();
  const headerWith = () =>
    encodeHeader({ conversation, directoryBytes: directory.length || undefined, distance }, names);
  let header = headerWith();
  if (tail.length > tailBytesMax(header.length + directory.length, grows)) {
    list.seal();
    ({ directory, tail } = list.list());
    header = headerWith();
  }
  const record = Buffer.concat([header, directory, tail]);
  if (replaces) tables.conversations.put(number, record);
  else tables.conversations.append(number, record);
}
