import { limits, StowkenError, type MessageRecord } from '../../model/index.js';
import { MessagePacker, type PackedMessages } from '../../storage/index.js';

/** The messages of an upload, as bytes, and no more of them than one may have. */
export class MessageList {
  readonly #packer = new MessagePacker();

  get length(): number {
    return this.#packer.length;
  }

  /** @throws StowkenError REQUEST_TOO_LARGE */
  add(message: MessageRecord): void {
    check('messages', this.length + 1, limits.uploadMessagesMax);
    check('bytes of its list of messages', this.#packer.bytesWith(message), limits.uploadListBytesMax);
    this.#packer.add(message);
  }

  finish(): PackedMessages {
    return this.#packer.finish();
  }
}

function check(what: string, size: number, limit: number): void {
  if (size <= limit) return;
  throw new StowkenError('REQUEST_TOO_LARGE', `the upload has ${size} ${what}; the limit is ${limit}`, {
    size: String(size),
    limit: String(limit),
  });
}
