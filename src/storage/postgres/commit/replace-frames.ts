import { frameRegistryId } from '../../../codec/index.js';
import { type SegmentHash, StowkenError } from '../../../model/index.js';
import type { FrameReplacement, SegmentKey } from '../../contract/change.js';
import { checkReplacements } from '../../shared/registry-checks.js';
import { lockPacks, updatePack } from '../collect/bury.js';
import { bytes, type Statement, text } from '../database/driver.js';
import { keyOf, type PackId, type Place, placeOf } from '../formats/ids.js';
import { decodePack, encodePack, type PackedFrame } from '../formats/pack.js';
import type { Works } from './works.js';
import { isGarbage } from '../schema/garbage.js';

const resizeGarbage: Statement = {
  name: 'garbage_resize',
  text: `update ref set bytes = u.bytes from unnest($2::int8[], $3::int4[], $4::int8[]) u(k, slot, bytes)
    where ref.p = $1 and ref.k = u.k and ref.slot = u.slot and ${isGarbage}`,
};

const noFrame: PackedFrame = { tokenCount: 0, frame: new Uint8Array(0) };

/** Replacements of a change, with the packs that they concern, locked. */
export class Replacements {
  readonly #packs = new Map<PackId, PackedFrame[]>();

  constructor(
    private readonly works: Works,
    private readonly replacements: readonly FrameReplacement[],
  ) {}

  /**
   * Locks the packs, after a fold, which waits for all that change garbage.
   * @throws StowkenError CORRUPT_SEGMENT, REGISTRY_CONFLICT
   */
  async check(): Promise<void> {
    const { transaction, vault } = this.works;
    await this.works.fold();
    const ids = new Set(this.replacements.map(({ key }) => placeOf(key)?.k).filter((k) => k !== undefined));
    const groups = vault.partitions.group(ids, (k) => vault.partitions.ofPack(k));
    const locks = [...groups].map(([p, ks]) => transaction.query(lockPacks, [p, ks]));
    for (const row of (await Promise.all(locks)).flat())
      this.#packs.set(text(row['k']), decodePack({ dir: bytes(row['dir']), data: bytes(row['data']) }));
    const stored = this.replacements.map(({ key }) => this.#stored(placeOf(key))?.frame);
    const frames = [
      ...stored.filter((frame) => frame !== undefined),
      ...this.replacements.map(({ frame }) => frame),
    ];
    await vault.registries.learnOf(frames, transaction);
    checkReplacements(this.replacements, (key) => this.#hashOf(key), vault.codec);
  }

  /** Forgets frames that the same change has deleted; their places are given by key. */
  forget(places: ReadonlySet<string>): void {
    for (const [k, frames] of this.#packs)
      for (const slot of frames.keys()) if (places.has(keyOf({ k, slot }) as string)) frames[slot] = noFrame;
  }

  /** Replaces the frames that are the expected ones. */
  replace(): boolean[] {
    const { transaction, vault } = this.works;
    const changed = new Set<PackId>();
    const sizes: (Place & { readonly bytes: number })[] = [];
    const outcomes = this.replacements.map(({ key, expected, frame }) => {
      const place = placeOf(key);
      const stored = this.#stored(place);
      if (!place || !stored || Buffer.compare(stored.frame, expected) !== 0) return false;
      this.#packs.get(place.k)![place.slot] = { tokenCount: stored.tokenCount, frame };
      changed.add(place.k);
      sizes.push({ ...place, bytes: frame.length });
      const { delta } = this.works.ofPack(place.k);
      delta.countFrame(frameRegistryId(stored.frame), stored.tokenCount, stored.frame.length, -1);
      delta.countFrame(frameRegistryId(frame), stored.tokenCount, frame.length, 1);
      return true;
    });
    for (const k of changed) {
      const { dir, data } = encodePack(this.#packs.get(k)!);
      transaction.send(updatePack, [vault.partitions.ofPack(k), k, dir, data]);
    }
    for (const [p, some] of vault.partitions.group(sizes, ({ k }) => vault.partitions.ofPack(k)))
      transaction.send(resizeGarbage, [p, ...lastOfEach(some)]);
    return outcomes;
  }

  #stored(place: Place | undefined): PackedFrame | undefined {
    const stored = place && this.#packs.get(place.k)?.[place.slot];
    return stored && stored.frame.length > 0 ? stored : undefined;
  }

  #hashOf(key: SegmentKey): SegmentHash | undefined {
    const stored = this.#stored(placeOf(key));
    try {
      return stored && this.works.vault.codec.hashOf(stored.frame);
    } catch (error) {
      const message = `the frame of segment ${key} does not decode`;
      throw new StowkenError('CORRUPT_SEGMENT', message, { segment: String(key) }, { cause: error });
    }
  }
}

/** A segment may be replaced more than once in a change; an update takes one row for each. */
function lastOfEach(sizes: readonly (Place & { readonly bytes: number })[]): [string[], number[], number[]] {
  const last = [...new Map(sizes.map((size) => [keyOf(size), size])).values()];
  return [last.map(({ k }) => k), last.map(({ slot }) => slot), last.map(({ bytes }) => bytes)];
}
