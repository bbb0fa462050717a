import { registryIdOf } from '../../../codec/index.js';
import type { StagedRegistries } from '../../shared/staged-vault.js';
import { registryMetaPath, registryPath } from '../layout/paths.js';
import { encodeRegistry } from '../layout/records.js';
import {
  type RegistryEntry,
  type RegistryIndex,
  type RegistryUser,
  RegistryUses,
} from '../vault-index/registry-index.js';

/** Effects of a group of changes on the registries, before it is committed. */
export class DraftRegistries implements StagedRegistries {
  readonly #entries = new Map<number, RegistryEntry | undefined>();
  readonly #added = new Map<number, Uint8Array>();
  /** Differences of the uses; negative for frames counted out. */
  readonly #uses = new RegistryUses();

  constructor(
    private readonly index: RegistryIndex,
    private readonly files: Map<string, Uint8Array | undefined>,
  ) {}

  /**
   * True if frames may name it. A registry of the same group does not count, because the codec does not know
   * it yet.
   */
  has(id: number): boolean {
    return !this.#entries.has(id) && this.index.get(id) !== undefined;
  }

  lastId(): number {
    const committed = [...this.index.entries()].map(({ id }) => id).filter((id) => this.has(id));
    return Math.max(0, ...committed, ...this.#added.keys());
  }

  put(bytes: Uint8Array, createTimeMs: number): void {
    const id = registryIdOf(bytes);
    const copy = bytes.slice();
    const sidecar = encodeRegistry({ id, createTimeMs }, copy);
    this.files.set(registryPath(id), copy);
    this.files.set(registryMetaPath(id), sidecar);
    this.#entries.set(id, { id, bytes: copy.length, createTimeMs, sidecarBytes: sidecar.length });
    this.#added.set(id, copy);
  }

  /** Removes those that exist and that no frame names; returns them. */
  drop(ids: readonly number[]): number[] {
    return ids.filter((id) => {
      const isThere = this.has(id) || this.#added.has(id);
      if (!isThere || this.index.uses.of(id).segments + this.#uses.of(id).segments > 0) return false;
      this.files.set(registryMetaPath(id), undefined);
      this.files.set(registryPath(id), undefined);
      this.#entries.set(id, undefined);
      this.#added.delete(id);
      return true;
    });
  }

  /** Counts a frame in or out. */
  count(user: RegistryUser, sign: 1 | -1): void {
    this.#uses.count(user, sign);
  }

  /** Bytes of new registries. */
  get added(): Iterable<Uint8Array> {
    return this.#added.values();
  }

  get dropped(): number[] {
    return [...this.#entries].flatMap(([id, entry]) => (entry ? [] : id));
  }

  /** The index counts uses itself, segment by segment. */
  publish(): void {
    for (const [id, entry] of this.#entries) this.index.set(id, entry);
  }
}
