import { isStowkenError, StowkenError } from '../../../model/index.js';
import type { ChangeResult, RequestMark } from '../../contract/change.js';
import { requestIdReused } from '../../shared/refusals.js';
import { isRemembered } from '../../shared/manifest-rules.js';
import { type Disk, readOrRefuse } from '../disk/disk.js';
import { inParallel } from '../disk/parallel.js';
import { requestPath, REQUESTS } from '../layout/paths.js';
import { decodeRequest, encodeRequest } from '../layout/records.js';
import { inBlocks } from './figures.js';

/** Limit of the outdated requests that one request removes. */
const FORGOTTEN_MAX = 16;

/** Data of a request; its result is in its file. */
export interface RequestEntry {
  readonly digest: string;
  readonly timeMs: number;
  readonly bytes: number;
}

/** Committed requests, by the paths of their files, oldest first. */
export class RequestIndex {
  readonly #entries = new Map<string, RequestEntry>();
  /** Damage, by path, of those that could not be read when the vault was opened. */
  readonly damaged = new Map<string, string>();
  #fileBytes = 0;
  #blockBytes = 0;

  get(path: string): RequestEntry | undefined {
    return this.#entries.get(path);
  }

  entries(): Iterable<[string, RequestEntry]> {
    return this.#entries;
  }

  set(path: string, entry: RequestEntry | undefined): void {
    this.#count(this.#entries.get(path), -1);
    this.#count(entry, 1);
    this.#entries.delete(path);
    if (entry) this.#entries.set(path, entry);
  }

  size(): { readonly fileBytes: number; readonly blockBytes: number } {
    return { fileBytes: this.#fileBytes, blockBytes: this.#blockBytes };
  }

  #count(entry: RequestEntry | undefined, sign: 1 | -1): void {
    if (!entry) return;
    this.#fileBytes += sign * entry.bytes;
    this.#blockBytes += sign * inBlocks(entry.bytes);
  }
}

/** Effects of a group of changes on the requests, before it is committed. */
export class DraftRequests {
  readonly #entries = new Map<string, RequestEntry | undefined>();

  constructor(
    private readonly index: RequestIndex,
    private readonly files: Map<string, Uint8Array | undefined>,
  ) {}

  /**
   * Returns the result of a change under this id, unless it is too old.
   * @throws StowkenError REQUEST_ID_REUSED, CORRUPT_STORE
   */
  async replay(
    mark: RequestMark,
    read: (path: string) => Promise<Uint8Array | undefined>,
  ): Promise<ChangeResult | undefined> {
    const { id, digest } = mark;
    const path = requestPath(id);
    const damage = this.index.damaged.get(path);
    // Only the file records whether the request was carried out.
    if (damage !== undefined) throw corrupt(path, damage);
    const earlier = this.#get(path);
    if (!earlier || !isRemembered(earlier.timeMs, mark)) return undefined;
    if (earlier.digest !== digest) throw requestIdReused(id);
    const bytes = this.files.get(path) ?? (await read(path));
    return { ...decodeRequest(bytes ?? new Uint8Array(0)).result, replayed: true };
  }

  /** Stores a result, replacing an older one, and removes some outdated ones. */
  remember(mark: RequestMark, result: ChangeResult): void {
    const { id, digest, timeMs } = mark;
    this.#forget(mark);
    const path = requestPath(id);
    const bytes = encodeRequest({ id, digest, timeMs, result });
    this.files.set(path, bytes);
    this.#entries.delete(path);
    this.#entries.set(path, { digest, timeMs, bytes: bytes.length });
  }

  publish(): void {
    for (const [path, entry] of this.#entries) this.index.set(path, entry);
  }

  #get(path: string): RequestEntry | undefined {
    return this.#entries.has(path) ? this.#entries.get(path) : this.index.get(path);
  }

  #forget(mark: RequestMark): void {
    let left = FORGOTTEN_MAX;
    for (const [path, { timeMs }] of this.index.entries()) {
      if (isRemembered(timeMs, mark) || left === 0) return;
      if (this.#entries.has(path)) continue;
      this.files.set(path, undefined);
      this.#entries.set(path, undefined);
      left -= 1;
    }
  }
}

/** Adds every stored request to the index. check() reports those that cannot be read. */
export async function loadRequests(disk: Disk, index: RequestIndex): Promise<void> {
  const loaded: [string, RequestEntry][] = [];
  const files = (await disk.list(REQUESTS)).filter(({ isFolder }) => !isFolder);
  await inParallel(files, async ({ name }) => {
    const path = `${REQUESTS}/${name}`;
    const bytes = await disk.read(path);
    try {
      const { id, digest, timeMs } = decodeRequest(bytes ?? new Uint8Array(0));
      if (requestPath(id) === path) loaded.push([path, { digest, timeMs, bytes: bytes?.length ?? 0 }]);
    } catch (error) {
      if (!isStowkenError(error, 'CORRUPT_STORE')) throw error;
      index.damaged.set(path, error.message);
    }
  });
  for (const [path, entry] of loaded.sort(([, a], [, b]) => a.timeMs - b.timeMs)) index.set(path, entry);
}

function corrupt(path: string, detail: string): StowkenError {
  return new StowkenError(
    'CORRUPT_STORE',
    `${path} is damaged: ${detail}; whether the request was made before is not known until it is restored, or removed ` +
      'and the vault opened again',
    { file: path },
  );
}

/** Compares the files with the index, and reports the differences. */
export async function checkRequests(
  disk: Disk,
  index: RequestIndex,
  report: (path: string, detail: string) => void,
): Promise<void> {
  const found = new Set<string>();
  for (const { name, isFolder } of await disk.list(REQUESTS)) {
    const path = `${REQUESTS}/${name}`;
    found.add(path);
    try {
      const bytes = (isFolder ? undefined : await readOrRefuse(disk, path)) ?? new Uint8Array(0);
      const { id, digest, timeMs } = decodeRequest(bytes);
      const kept = index.get(path);
      if (requestPath(id) !== path) report(path, 'is of another request');
      else if (kept?.digest !== digest || kept.timeMs !== timeMs || kept.bytes !== bytes.length) {
        report(path, 'is not as it was read before');
      }
    } catch (error) {
      if (!isStowkenError(error)) throw error;
      report(path, error.message);
    }
  }
  for (const [path] of index.entries()) if (!found.has(path)) report(path, 'is gone');
}
