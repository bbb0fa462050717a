import type { Codec } from '../../codec/index.js';
import { StowkenError } from '../../model/index.js';
import type { ConversationSnapshot, SegmentKey, StorageBackend } from '../../storage/index.js';
import { slotsInRange } from '../range.js';
import { hasSegment, type SegmentSlot } from '../slots.js';
import { breathe, throwIfAborted } from '../turns.js';

/** Compares conversations with the same tokens. What two of them share is decoded once. */
export class PrefixComparison {
  /** Segments that were equal, and where. */
  readonly #equal = new Set<string>();

  constructor(
    private readonly parts: { readonly backend: StorageBackend; readonly codec: Codec },
    /** Little-endian words. */
    private readonly words: Uint8Array,
    private readonly signal: AbortSignal,
  ) {}

  /** How many tokens a conversation begins with as these do: exactly. */
  async sharedTokens(snapshot: ConversationSnapshot): Promise<number> {
    const tokenLimit = this.words.length / 4;
    let shared = 0;
    for (const slots of slotsInRange(snapshot, { tokenLimit })) {
      throwIfAborted(this.signal);
      const places = slots.filter(hasSegment);
      const decoded = await this.#decode(places, shared);
      for (const place of places) {
        const words = decoded.get(place.key);
        const same = words ? this.#same(words, place, shared) : place.to;
        shared += same;
        if (same < place.to) return shared;
      }
      await breathe();
    }
    return shared;
  }

  /** Those segments, as words, that were not found equal at their place before. */
  async #decode(places: readonly SegmentSlot[], from: number): Promise<ReadonlyMap<SegmentKey, Uint8Array>> {
    const keys = new Set<SegmentKey>();
    let at = from;
    for (const { key, to } of places) {
      if (!this.#equal.has(`${key}@${at}`)) keys.add(key);
      at += to;
    }
    const wanted = [...keys];
    const frames = await this.parts.backend.readFrames(wanted);
    const decoded = this.parts.codec.snapshot().decodeMany(frames, 'words');
    return new Map(
      decoded.map((words, index) => {
        if (words instanceof StowkenError) throw words;
        return [wanted[index]!, words];
      }),
    );
  }

  /** Of a segment's tokens, those from its first on that are the ones at this place. */
  #same(words: Uint8Array, { key, tokenCount, to }: SegmentSlot, at: number): number {
    const mine = words.subarray(0, 4 * to);
    const theirs = this.words.subarray(4 * at, 4 * (at + to));
    if (Buffer.compare(mine, theirs) === 0) {
      if (to === tokenCount) this.#equal.add(`${key}@${at}`);
      return to;
    }
    let byte = 0;
    while (mine[byte] === theirs[byte]) byte++;
    return Math.floor(byte / 4);
  }
}
