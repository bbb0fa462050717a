import { createHash, type Hash } from 'node:crypto';
import type { TokenCore } from '../../core/index.js';
import {
  type AttachmentEntry,
  limits,
  present,
  type TokenRun,
  writeAttachmentIndex,
} from '../../model/index.js';

/** Attachments of one message whose bytes arrive in blocks. See src/model/attachments.ts for their layout. */
export class AttachmentWriter {
  readonly #entries: AttachmentEntry[] = [];
  /** Hash of the attachment that is open. Most messages have none, and making a hash takes microseconds. */
  #hash: Hash | undefined;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #sizeBytes = 0;
  #parts = 0;

  constructor(private readonly core: TokenCore) {}

  /** Number of attachments begun, and the size of the one that is open. */
  get count(): number {
    return this.#entries.length + Number(this.#hash !== undefined);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Ends the attachment before, and begins one. Returns the segments that are complete by that. */
  *begin(): Generator<TokenRun, void, void> {
    yield* this.#end();
    this.#hash = createHash('sha256');
  }

  /** Adds bytes to the attachment that was begun. They are kept until their segment is complete. */
  *push(bytes: Uint8Array): Generator<TokenRun, void, void> {
    present(this.#hash, 'an attachment was begun').update(bytes);
    this.#sizeBytes += bytes.length;
    const size = limits.attachmentPartBytes;
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + size - this.#heldBytes);
      this.#held.push(bytes.subarray(at, end));
      this.#heldBytes += end - at;
      at = end;
      if (this.#heldBytes === size) yield this.#part();
    }
  }

  /** Ends the last attachment. Returns the segments left, and their index; nothing without an attachment. */
  *finish(): Generator<TokenRun, void, void> {
    yield* this.#end();
    if (this.#entries.length > 0) yield this.core.fromLe32(writeAttachmentIndex(this.#entries));
  }

  *#end(): Generator<TokenRun, void, void> {
    if (this.#hash === undefined) return;
    if (this.#heldBytes > 0) yield this.#part();
    const sha256 = this.#hash.digest('hex');
    this.#entries.push({ sha256, sizeBytes: this.#sizeBytes, parts: this.#parts });
    this.#hash = undefined;
    this.#sizeBytes = 0;
    this.#parts = 0;
  }

  #part(): TokenRun {
    const le32 = Buffer.alloc(4 * Math.ceil(this.#heldBytes / 4));
    let at = 0;
    for (const piece of this.#held) {
      le32.set(piece, at);
      at += piece.length;
    }
    this.#held = [];
    this.#heldBytes = 0;
    this.#parts += 1;
    return this.core.fromLe32(le32);
  }
}

/** Yields the segments of a message's attachments. */
export function* attachmentRuns(
  core: TokenCore,
  attachments: readonly Uint8Array[] = [],
): Generator<TokenRun, void, void> {
  if (attachments.length === 0) return;
  const writer = new AttachmentWriter(core);
  for (const bytes of attachments) {
    yield* writer.begin();
    yield* writer.push(bytes);
  }
  yield* writer.finish();
}
