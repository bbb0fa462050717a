import type { StoredRegistry } from '../../contract/queries.js';
import { inBlocks } from './figures.js';

/** Data of a stored registry. */
export interface RegistryEntry {
  readonly id: number;
  readonly bytes: number;
  readonly createTimeMs: number;
  readonly sidecarBytes: number;
}

/** Figures that a segment contributes to the registry of its frame; id 0 means none. */
export interface RegistryUser {
  readonly registryId: number;
  readonly tokenCount: number;
  readonly frameBytes: number;
}

export interface RegistryUse {
  readonly segments: number;
  readonly tokens: number;
  readonly frameBytes: number;
}

const NO_USE: RegistryUse = { segments: 0, tokens: 0, frameBytes: 0 };

/** Sums of the figures of each registry's frames. */
export class RegistryUses {
  readonly #uses = new Map<number, RegistryUse>();

  of(id: number): RegistryUse {
    return this.#uses.get(id) ?? NO_USE;
  }

  /** Ids of the registries that frames name, whether they are stored or not. */
  ids(): Iterable<number> {
    return this.#uses.keys();
  }

  /** Counts a frame in or out. */
  count({ registryId, tokenCount, frameBytes }: RegistryUser, sign: 1 | -1): void {
    if (registryId === 0) return;
    const before = this.of(registryId);
    const use = {
      segments: before.segments + sign,
      tokens: before.tokens + sign * tokenCount,
      frameBytes: before.frameBytes + sign * frameBytes,
    };
    if (use.segments === 0 && use.tokens === 0 && use.frameBytes === 0) this.#uses.delete(registryId);
    else this.#uses.set(registryId, use);
  }
}

/** Committed registries, without their bytes, and their uses. */
export class RegistryIndex {
  readonly uses = new RegistryUses();
  readonly #entries = new Map<number, RegistryEntry>();

  get(id: number): RegistryEntry | undefined {
    return this.#entries.get(id);
  }

  entries(): Iterable<RegistryEntry> {
    return this.#entries.values();
  }

  set(id: number, entry: RegistryEntry | undefined): void {
    if (entry) this.#entries.set(id, entry);
    else this.#entries.delete(id);
  }

  /** Size of all registries, with their sidecars, and in blocks of the disk. */
  size(): { readonly bytes: number; readonly fileBytes: number; readonly blockBytes: number } {
    let [bytes, fileBytes, blockBytes] = [0, 0, 0];
    for (const entry of this.#entries.values()) {
      bytes += entry.bytes;
      fileBytes += entry.bytes + entry.sidecarBytes;
      blockBytes += inBlocks(entry.bytes) + inBlocks(entry.sidecarBytes);
    }
    return { bytes, fileBytes, blockBytes };
  }

  /** Lists them by rising id. */
  list(): StoredRegistry[] {
    return [...this.#entries.values()]
      .sort((a, b) => a.id - b.id)
      .map(({ id, bytes, createTimeMs }) => ({ id, bytes, createTimeMs, ...this.uses.of(id) }));
  }
}
