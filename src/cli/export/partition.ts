import { createHash } from 'node:crypto';

/** A named share of the conversations. */
export interface Split {
  readonly name: string;
  /** Its share of all, from 0 to 1. */
  readonly share: number;
}

export interface Partition {
  readonly splits: readonly Split[];
  /** Shards of each split. */
  readonly shards: number;
}

/** Place of a conversation in a partition. */
export interface Place {
  readonly split: string;
  readonly shard: number;
}

/**
 * Returns the place of a conversation, by the SHA-256 of its id: bytes 0 to 5 choose the split, bytes 6 to 11
 * the shard. So a conversation stays in its split when others come, and whatever the number of shards.
 */
export function placeOf(id: string, { splits, shards }: Partition): Place {
  // All are in one place.
  if (splits.length === 1 && shards === 1) return { split: splits[0]!.name, shard: 0 };
  const hash = createHash('sha256').update(id).digest();
  const point = hash.readUIntBE(0, 6) / 2 ** 48;
  let end = 0;
  const found = splits.find(({ share }) => point < (end += share)) ?? splits.at(-1)!;
  return { split: found.name, shard: hash.readUIntBE(6, 6) % shards };
}

/** Returns the name of a part's files without an ending: train, or train-00000-of-00004. */
export function partName({ split, shard }: Place, { shards }: Pick<Partition, 'shards'>): string {
  const five = (number: number) => String(number).padStart(5, '0');
  return shards === 1 ? split : `${split}-${five(shard)}-of-${five(shards)}`;
}
