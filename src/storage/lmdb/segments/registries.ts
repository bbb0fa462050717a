import { present } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import type { StoredRegistry } from '../../contract/queries.js';
import type { Tables } from '../tables/environment.js';

/** Sums of a registry's frames. */
export interface RegistryUse {
  segments: number;
  tokens: number;
  frameBytes: number;
}

interface RegistryRecord extends RegistryUse {
  readonly bytes: number;
  readonly createTimeMs: number;
}

/** Counts one more frame. */
export function countUse(
  uses: Map<number, RegistryUse>,
  registryId: number,
  { tokenCount, frameBytes }: { readonly tokenCount: number; readonly frameBytes: number },
): void {
  const use = uses.get(registryId) ?? { segments: 0, tokens: 0, frameBytes: 0 };
  use.segments += 1;
  use.tokens += tokenCount;
  use.frameBytes += frameBytes;
  uses.set(registryId, use);
}

/** Registries and their uses, for one stretch of reading or one write transaction. */
export class Registries {
  readonly #records = new Map<number, RegistryRecord | undefined>();
  readonly #changed = new Set<number>();

  constructor(private readonly tables: Pick<Tables, 'registries' | 'registryData'>) {}

  list(): StoredRegistry[] {
    return [...this.tables.registries.range()].map(({ key, value }) => ({ id: key, ...decodeRecord(value) }));
  }

  lastId(): number {
    return this.tables.registries.last()?.key ?? 0;
  }

  has(id: number): boolean {
    return this.#record(id) !== undefined;
  }

  read(id: number): Uint8Array | undefined {
    return this.tables.registryData.get(id);
  }

  put(id: number, bytes: Uint8Array, createTimeMs: number): void {
    this.tables.registryData.append(id, bytes);
    this.#records.set(id, { bytes: bytes.length, createTimeMs, segments: 0, tokens: 0, frameBytes: 0 });
    this.#write(id);
  }

  /**
   * Removes a registry that no frame names; returns its size, or undefined if it does not exist or is in use.
   */
  drop(id: number): number | undefined {
    const record = this.#record(id);
    if (!record || record.segments > 0) return undefined;
    this.#records.set(id, undefined);
    this.#changed.delete(id);
    this.tables.registries.remove(id);
    this.tables.registryData.remove(id);
    return record.bytes;
  }

  /** Counts a frame in or out. */
  count(id: number, tokens: number, frameBytes: number, sign: 1 | -1): void {
    const record = this.#record(id);
    if (!record) throw this.tables.registries.corrupt(id, 'is missing: a frame names it');
    record.segments += sign;
    record.tokens += sign * tokens;
    record.frameBytes += sign * frameBytes;
    if (record.segments < 0 || record.tokens < 0 || record.frameBytes < 0)
      throw this.tables.registries.miscounted(id, 'counts too few frames that name it');
    this.#changed.add(id);
  }

  /** Replaces all figures of use, and returns the bytes of all registries. */
  recount(uses: ReadonlyMap<number, RegistryUse>): number {
    let allBytes = 0;
    for (const { id, bytes, createTimeMs } of this.list()) {
      const use = uses.get(id) ?? { segments: 0, tokens: 0, frameBytes: 0 };
      this.#records.set(id, { bytes, createTimeMs, ...use });
      this.#write(id);
      allBytes += bytes;
    }
    return allBytes;
  }

  flush(): void {
    for (const id of this.#changed) this.#write(id);
    this.#changed.clear();
  }

  #record(id: number): RegistryRecord | undefined {
    if (!this.#records.has(id)) {
      const value = this.tables.registries.get(id);
      this.#records.set(id, value && decodeRecord(value));
    }
    return this.#records.get(id);
  }

  #write(id: number): void {
    const record = present(this.#records.get(id), 'a registry that changes is stored', id);
    const { bytes, createTimeMs, segments, tokens, frameBytes } = record;
    const writer = new ByteWriter().varint(bytes).varint(createTimeMs);
    this.tables.registries.put(id, writer.varint(segments).varint(tokens).varint(frameBytes).finish());
  }
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeRecord(value: Uint8Array): RegistryRecord {
  const reader = new ByteReader(value);
  return {
    bytes: reader.varint(),
    createTimeMs: reader.varint(),
    segments: reader.varint(),
    tokens: reader.varint(),
    frameBytes: reader.varint(),
  };
}
