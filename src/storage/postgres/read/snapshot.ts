import { type Conversation, present, StowkenError } from '../../../model/index.js';
import type { SegmentKey } from '../../contract/change.js';
import type {
  ConversationSnapshot,
  MessagePosition,
  ReadAhead,
  StoredMessage,
} from '../../contract/queries.js';
import type { VaultParts } from '../commit/parts.js';
import type { Statement } from '../database/driver.js';
import { type Head, headColumns, headFrom } from '../formats/head.js';
import { keyOf, uuidOf } from '../formats/ids.js';
import { type ListedMessage, type ListedSegment, readList, tokensIn } from '../formats/list.js';
import type { Reading } from '../leases/presence.js';
import { Ahead, aheadOf } from './ahead.js';
import { readFrames } from './frames.js';
import { findListPart, type ListPart, listPartFrom, readListParts } from './stored-list.js';

const readHead: Statement = {
  name: 'head_read',
  text: `select ${headColumns} from conv where p = $1 and idh = $2`,
};

export async function readHeadOf(vault: VaultParts, id: string): Promise<Head | undefined> {
  const { database, partitions } = vault;
  const [row] = await database.query(readHead, [partitions.ofId(id), uuidOf(id)]);
  return row && headFrom(row);
}

/** Opens one revision of a conversation. Its list stays, and its segments, until it is released. */
export async function openSnapshot(
  vault: VaultParts,
  id: string,
  ahead: ReadAhead = { tokens: 0 },
): Promise<ConversationSnapshot | undefined> {
  // Taken before the head is read: what is condemned later than the tick known by now may be read.
  const reading = vault.presence.beginReading();
  try {
    const [p, idh] = [vault.partitions.ofId(id), uuidOf(id)];
    const asked = ahead.tokens > 0 ? aheadOf(p, idh, ahead) : [];
    const [heads, ...rows] = await vault.database.queries([[readHead, [p, idh]], ...asked]);
    const [row] = heads ?? [];
    if (row) {
      const head = headFrom(row);
      return new Snapshot(vault, head, reading, ahead.tokens > 0 ? new Ahead(head, rows) : undefined);
    }
    reading.release();
    return undefined;
  } catch (error) {
    reading.release();
    throw error;
  }
}

class Snapshot implements ConversationSnapshot {
  readonly conversation: Conversation;
  /** The part that was read last, which readers that go on will ask for. */
  #last: ListPart | undefined;

  constructor(
    private readonly vault: VaultParts,
    private readonly head: Head,
    private readonly reading: Reading,
    private ahead: Ahead | undefined,
  ) {
    this.conversation = head.conversation;
  }

  get release(): () => void {
    return this.reading.release;
  }

  async read(from: number, messagesMax: number): Promise<readonly StoredMessage[]> {
    const before = Math.min(from + messagesMax, this.conversation.messageCount);
    const messages: StoredMessage[] = [];
    for (const part of from < before ? await this.#partsOf(from, before) : []) {
      let number = part.firstMessage;
      for (const message of readList(part, part.k)) {
        if (number >= from && number < before) messages.push(storedFrom(message));
        number += 1;
      }
    }
    if (messages.length < before - from) throw listTooShort(this.conversation.id);
    return messages;
  }

  async locate(tokenOffset: number): Promise<MessagePosition> {
    const { messageCount, totalTokens } = this.conversation;
    if (tokenOffset >= totalTokens) return { message: messageCount, tokensBefore: totalTokens };
    const part = this.ahead?.partAt(tokenOffset) ?? (await this.#partAt(tokenOffset));
    if (!part) throw listTooShort(this.conversation.id);
    let [message, tokensBefore] = [part.firstMessage, part.tokensBefore];
    for (const each of readList(part, part.k)) {
      const tokens = tokensIn(each);
      if (tokenOffset < tokensBefore + tokens) break;
      tokensBefore += tokens;
      message += 1;
    }
    return { message, tokensBefore };
  }

  readFrames(keys: readonly SegmentKey[]): Promise<Uint8Array[]> {
    return this.reading.during(() => this.#framesOf(keys));
  }

  async #framesOf(keys: readonly SegmentKey[]): Promise<Uint8Array[]> {
    const found = this.ahead?.framesOf(keys) ?? [];
    const came = found.filter((frame) => frame !== undefined);
    // Frames of a registry that is gone were replaced meanwhile: they are read once more.
    if (came.length === 0 || !(await this.vault.registries.learnOf(came))) {
      this.ahead = undefined;
      return readFrames(this.vault, keys);
    }
    const left = keys.filter((_, at) => !found[at]);
    const others = left.length > 0 ? await readFrames(this.vault, left) : [];
    let next = 0;
    return keys.map((_, at) => found[at] ?? present(others[next++], 'a frame for each key'));
  }

  async #partAt(tokenOffset: number): Promise<ListPart | undefined> {
    const { database, partitions } = this.vault;
    const { k, conversation } = this.head;
    const asked = [partitions.ofPack(k), k, tokenOffset, conversation.messageCount];
    const [row] = await this.reading.during(() => database.query(findListPart, asked));
    return row && listPartFrom(row);
  }

  async #partsOf(from: number, before: number): Promise<readonly ListPart[]> {
    const last = this.#last;
    if (last && last.firstMessage <= from && before <= last.firstMessage + last.messages) return [last];
    const came = this.ahead?.partsOf(from, before);
    if (came) return came;
    const { database, partitions } = this.vault;
    const { k } = this.head;
    const asked = [partitions.ofPack(k), k, from, before];
    const rows = await this.reading.during(() => database.query(readListParts, asked));
    const parts = rows.map(listPartFrom);
    this.#last = parts.at(-1);
    return parts;
  }
}

/** Error for a list that lacks messages which its conversation's row says that it has. */
export function listTooShort(id: string): StowkenError {
  return new StowkenError('CORRUPT_STORE', `messages of conversation ${JSON.stringify(id)} are missing`);
}

function storedFrom(message: ListedMessage): StoredMessage {
  const { role, name, toolCallId, segments, fields } = message;
  const keyed = (place: ListedSegment) => ({ key: keyOf(place), tokenCount: place.tokenCount });
  const content = segments.slice(0, segments.length - fields);
  return {
    ...{ role, name, toolCallId },
    tokenCount: tokensIn(message),
    segments: content.map(keyed),
    ...(fields > 0 && { fields: segments.slice(segments.length - fields).map(keyed) }),
  };
}
