import { limits, StowkenError } from '../../../model/index.js';
import { leanHeap } from '../../../storage/index.js';
import { yieldToEventLoop, throwIfAborted } from '../../event-loop.js';
import type { KeptMemory, StoreResult, UploadInput, UploadPart } from '../types.js';
import type { StoreParts } from '../store.js';
import { Upload } from './upload.js';

/** Step in which memory for an upload is reserved. */
const keptStepBytes = 64 * 1024;

/** Uploads of a vault: a limited number at once; the long ones commit one after the other. */
export class Uploads {
  #open = 0;
  #lastLong: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: StoreParts) {}

  /** Takes parts as it has room for them. Rejects with the error of their source, or of `memory`. */
  async run(
    input: UploadInput,
    source: AsyncIterable<UploadPart>,
    signal: AbortSignal,
    memory: KeptMemory = unlimited,
  ): Promise<StoreResult> {
    if (this.#open >= limits.uploadsMax) {
      const limit = limits.uploadsMax;
      throw new StowkenError('OVERLOADED', `${limit} uploads are under way, and no more are taken`, {
        limit: String(limit),
      });
    }
    this.#open += 1;
    // Taken before the first segment is looked up, so that segments found or stored early stay until the end.
    const release = this.parts.backend.lease();
    let endLean: (() => void) | undefined;
    const upload = new Upload(this.parts, input, signal, memory);
    let keptBytes = keptStepBytes;
    try {
      for await (const part of source) {
        await upload.take(part);
        for (; upload.heldBytes > keptBytes; keptBytes += keptStepBytes) await memory.keep(keptStepBytes);
        // A long upload has a long list of messages, which it leaves as heap garbage.
        if (isLong(upload)) endLean ??= leanHeap();
        await yieldToEventLoop();
        throwIfAborted(signal);
      }
      return await this.#commit(upload);
    } finally {
      upload.close();
      endLean?.();
      release();
      this.#open -= 1;
    }
  }

  #commit(upload: Upload): Promise<StoreResult> {
    if (!isLong(upload)) return upload.commit();
    const commit = this.#lastLong.then(() => upload.commit());
    this.#lastLong = commit.catch(() => undefined);
    return commit;
  }
}

const unlimited: KeptMemory = { keep: () => Promise.resolve(), give: () => undefined };

function isLong({ messageCount }: Upload): boolean {
  return messageCount > limits.uploadTogetherMessagesMax;
}
