import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { frameRegistryId } from '../../codec/index.js';
import { isSegmentHash, isStowkenError } from '../../model/index.js';
import {
  type InspectedRecord,
  type InspectedTable,
  type Inspection,
  matching,
} from '../contract/inspection.js';
import { decodeManifest } from './layout/manifest-record.js';
import {
  HOLDERS_SUFFIX,
  journalNumber,
  MANIFEST_SUFFIX,
  MANIFESTS,
  META_SUFFIX,
  REGISTRIES,
  registryId,
  REQUESTS,
  SEGMENTS,
  VAULT_FILE,
} from './layout/paths.js';
import {
  decodeHolders,
  decodeRegistry,
  decodeRequest,
  decodeSegment,
  decodeVault,
} from './layout/records.js';
import { hashOfName } from './disk/segment-tree.js';

interface FileFormat {
  readonly what: string;
  /** Returns the key of a file of this kind by its path; undefined for other files. */
  readonly keyOf: (path: string) => string | undefined;
  /** @throws StowkenError CORRUPT_STORE */
  readonly decode: (bytes: Uint8Array, key: string, folder: string) => object;
  readonly aliases?: (value: object) => readonly string[];
}

/** Returns the part of a path between a folder and a suffix. */
const inside = (path: string, folder: string, suffix: string) =>
  path.startsWith(`${folder}/`) && path.endsWith(suffix)
    ? basename(path).slice(0, basename(path).length - suffix.length)
    : undefined;
const hashInside = (path: string, suffix: string) => {
  const name = inside(path, SEGMENTS, suffix);
  return name !== undefined && isSegmentHash(name) ? name : undefined;
};
const registryInside = (path: string, suffix: string) => {
  const name = inside(path, REGISTRIES, suffix);
  return name !== undefined && registryId(name) !== undefined ? name : undefined;
};

/** Declares every kind of file of the layout once. */
const fileFormats: Readonly<Record<string, FileFormat>> = {
  vault: {
    what: "the vault's id and its next numbers",
    keyOf: (path) => (path === VAULT_FILE ? VAULT_FILE : undefined),
    decode: (bytes) => decodeVault(bytes),
  },
  manifests: {
    what: 'a conversation and its messages',
    keyOf: (path) => inside(path, MANIFESTS, MANIFEST_SUFFIX),
    decode: (bytes) => decodeManifest(bytes),
    aliases: (value) => [(value as ReturnType<typeof decodeManifest>).conversation.id],
  },
  segments: {
    what: "a segment's number, size and registry",
    keyOf: (path) => hashInside(path, META_SUFFIX),
    decode: (bytes) => decodeSegment(bytes),
    aliases: (value) => [String((value as ReturnType<typeof decodeSegment>).id)],
  },
  frames: {
    what: 'the tokens of a segment, coded',
    keyOf: (path) => hashInside(path, ''),
    decode: (bytes) => ({ bytes: bytes.length, registry: frameRegistryId(bytes) ?? null }),
  },
  holders: {
    what: 'the outside holders of a segment',
    keyOf: (path) => hashInside(path, HOLDERS_SUFFIX),
    decode: (bytes, key) => ({ holders: decodeHolders(bytes, hashOfName(key)) }),
  },
  registries: {
    what: "a registry's time and checksum",
    keyOf: (path) => registryInside(path, META_SUFFIX),
    decode: (bytes, key, folder) =>
      decodeRegistry(bytes, Number(key), readFileSync(join(folder, REGISTRIES, key))),
  },
  registryData: {
    what: 'the bytes of a registry',
    keyOf: (path) => registryInside(path, ''),
    decode: (bytes) => ({ bytes: bytes.length }),
  },
  requests: {
    what: 'the result of a change made under a request id',
    keyOf: (path) => inside(path, REQUESTS, '.json'),
    decode: (bytes) => decodeRequest(bytes),
    aliases: (value) => [(value as ReturnType<typeof decodeRequest>).id],
  },
  journals: {
    what: 'a commit whose files are not all in place yet',
    keyOf: (path) => (journalNumber(path) === undefined ? undefined : path),
    decode: (bytes) => ({ bytes: bytes.length }),
  },
};

/** Opens the files of a vault that no process has open. */
export function inspectFilesystem(folder: string): Inspection {
  return new FilesystemInspection(folder);
}

class FilesystemInspection implements Inspection {
  readonly storage = 'filesystem';
  readonly tables = Object.keys(fileFormats);
  readonly #damage: string[] = [];

  constructor(private readonly folder: string) {}

  async summary(): Promise<InspectedTable[]> {
    const tables: InspectedTable[] = [];
    for (const name of this.tables) {
      const sum = { records: 0, bytes: 0, damaged: 0 };
      for await (const { raw, damage } of this.records(name)) {
        sum.records += 1;
        sum.bytes += raw.length;
        if (damage !== undefined) sum.damaged += 1;
      }
      tables.push({ name, what: fileFormats[name]!.what, ...sum });
    }
    return tables;
  }

  async *records(table: string, wanted?: string): AsyncGenerator<InspectedRecord, void, void> {
    const format = fileFormats[table];
    if (!format) return;
    for (const path of this.#files()) {
      const key = format.keyOf(path);
      if (key === undefined) continue;
      await new Promise(setImmediate);
      const record = this.#read(table, format, path, key);
      if (wanted === undefined) yield record;
      else {
        const aliases = record.value === undefined ? [] : (format.aliases?.(record.value as object) ?? []);
        const match = matching(record, wanted, aliases);
        if (match) yield match;
      }
    }
  }

  damage(): readonly string[] {
    return this.#damage;
  }

  close(): void {}

  #read(table: string, format: FileFormat, path: string, key: string): InspectedRecord {
    let raw: Uint8Array = Buffer.alloc(0);
    try {
      raw = readFileSync(join(this.folder, path));
      const value = format.decode(raw, key, this.folder);
      return { table, key, raw, value, damage: undefined, orphaned: false };
    } catch (error) {
      if (!isStowkenError(error) && (error as NodeJS.ErrnoException).code === undefined) throw error;
      return { table, key, raw, value: undefined, damage: (error as Error).message, orphaned: false };
    }
  }

  #files(): string[] {
    const entries: Dirent[] = readdirSync(this.folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.folder, join(entry.parentPath, entry.name)))
      .sort();
  }
}
