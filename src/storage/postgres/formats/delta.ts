import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import { compareIds, type PackId, type Place } from './ids.js';

/** Figures of a vault, in the order in which a delta has their differences. */
export const figures = ['convs', 'msgs', 'toks', 'segs', 'utoks', 'bytes', 'lists'] as const;
export type Figures = Record<(typeof figures)[number], number>;

/** Frames that name a registry. */
export interface RegistryUse {
  segs: number;
  toks: number;
  bytes: number;
}

/** Differences that a change makes to the figures and the references of a vault. */
export class Delta {
  readonly figures = noFigures();
  readonly registries = new Map<number, RegistryUse>();
  readonly #references = new Map<PackId, Map<number, number>>();

  /** Adds to the references of a segment; 0 for one that was touched all the same. */
  refer({ k, slot }: Place, difference: number): void {
    let slots = this.#references.get(k);
    if (!slots) this.#references.set(k, (slots = new Map<number, number>()));
    slots.set(slot, (slots.get(slot) ?? 0) + difference);
  }

  /** Counts a frame, or one less. */
  countFrame(registry: number | undefined, tokenCount: number, frameBytes: number, sign: 1 | -1): void {
    this.figures.segs += sign;
    this.figures.utoks += sign * tokenCount;
    this.figures.bytes += sign * frameBytes;
    if (registry !== undefined) this.countRegistry(registry, tokenCount, frameBytes, sign);
  }

  countRegistry(id: number, tokenCount: number, frameBytes: number, sign: 1 | -1): void {
    let use = this.registries.get(id);
    if (!use) this.registries.set(id, (use = { segs: 0, toks: 0, bytes: 0 }));
    use.segs += sign;
    use.toks += sign * tokenCount;
    use.bytes += sign * frameBytes;
  }

  *references(): Generator<Place & { readonly difference: number }, void, void> {
    for (const [k, slots] of this.#references)
      for (const [slot, difference] of slots) yield { k, slot, difference };
  }

  /** Adds a stored delta to this one. */
  add(stored: Uint8Array): void {
    const reader = new ByteReader(stored);
    for (const figure of figures) this.figures[figure] += reader.zigzag();
    for (let left = reader.varint(); left > 0; left--) {
      const id = reader.varint();
      const use = this.registries.get(id) ?? { segs: 0, toks: 0, bytes: 0 };
      this.registries.set(id, use);
      use.segs += reader.zigzag();
      use.toks += reader.zigzag();
      use.bytes += reader.zigzag();
    }
    while (!reader.atEnd) {
      const k = String(Buffer.from(reader.raw(8)).readBigInt64LE());
      let slot = 0;
      for (let left = reader.varint(); left > 0; left--) {
        slot += reader.varint();
        this.refer({ k, slot }, reader.zigzag());
      }
    }
  }

  /** Encodes it; described in docs/formats/postgres.md. */
  encode(): Uint8Array {
    const out = new ByteWriter(64);
    for (const figure of figures) out.zigzag(this.figures[figure]);
    out.varint(this.registries.size);
    for (const [id, { segs, toks, bytes }] of this.registries)
      out.varint(id).zigzag(segs).zigzag(toks).zigzag(bytes);
    for (const [k, slots] of [...this.#references].sort(([a], [b]) => compareIds(a, b))) {
      const id = Buffer.alloc(8);
      id.writeBigInt64LE(BigInt(k));
      out.raw(id).varint(slots.size);
      let last = 0;
      for (const [slot, difference] of [...slots].sort(([a], [b]) => a - b)) {
        out.varint(slot - last).zigzag(difference);
        last = slot;
      }
    }
    return Buffer.from(out.finish());
  }
}

export function noFigures(): Figures {
  return { convs: 0, msgs: 0, toks: 0, segs: 0, utoks: 0, bytes: 0, lists: 0 };
}
