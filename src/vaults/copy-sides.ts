import { readdir } from 'node:fs/promises';
import { createLiveCodec, type LiveCodec } from '../codec/index.js';
import type { TokenCore } from '../core/index.js';
import { isStowkenError, StowkenError } from '../model/index.js';
import {
  checkDataFolder,
  holdsVault,
  makeFolder,
  type ManagedBackend,
  openFilesystemBackend,
  openLmdbBackend,
  openLmdbReader,
  openPostgresStore,
} from '../storage/index.js';
import type { CopySource, CopyTarget } from '../vault/index.js';
import { FolderCatalogue, type VaultCatalogue } from './catalogue.js';
import { DatabaseCatalogue } from './database-catalogue.js';
import { defaultVault, invalidName, isVaultName, vaultNotFound } from './names.js';
import type { VaultRecord } from './settings.js';

/** A vault of a storage, which need not be served. */
export interface VaultPlace {
  readonly storage: 'lmdb' | 'filesystem' | 'postgres';
  /** Data folder, or URL of the database. */
  readonly at: string;
  readonly vault: string;
}

export interface OpenSource {
  readonly source: CopySource;
  readonly record: VaultRecord;
  readonly close: () => Promise<void>;
}

export interface OpenTarget {
  readonly target: CopyTarget;
  readonly close: () => Promise<void>;
}

/**
 * Opens a vault to copy it. A vault in LMDB may be served meanwhile, and one in a database too.
 * @throws StowkenError VAULT_NOT_FOUND, STORE_LOCKED, CORRUPT_STORE
 */
export async function openSource(place: VaultPlace, core: TokenCore): Promise<OpenSource> {
  const { vault } = place;
  const codec = createLiveCodec(core);
  const { catalogue, open, close } = await connect(place, core);
  try {
    const record = await catalogue.read(vault);
    const folder = catalogue.folderOf(vault);
    if (!record) throw vaultNotFound(vault);
    if (folder !== undefined && !holdsVault(await readdir(folder).catch((): string[] => [])))
      throw vaultNotFound(vault);
    const backend = await open(folder, codec).catch((error: unknown) => {
      if (place.storage !== 'lmdb' || !isStowkenError(error, 'STORE_LOCKED')) throw error;
    });
    const isShared = backend === undefined || place.storage === 'postgres';
    const source = backend
      ? { backend, codec, isShared, refresh: async () => {} }
      : await besideServer(folder!, codec);
    codec.prepare();
    const closeAll = async () => {
      await source.backend.close();
      await close();
    };
    return { source, record, close: closeAll };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Opens a vault that a server has open. The server does not know this reader: what it deletes meanwhile is
 * missed.
 */
async function besideServer(folder: string, codec: LiveCodec): Promise<CopySource> {
  const backend = await openLmdbReader({ folder, codec, lease: () => () => {}, sharers: 1 });
  const refresh = async () => {
    backend.refresh();
    backend.setRegistries((await backend.listRegistries()).map(({ id }) => id));
  };
  return { backend, codec, isShared: true, refresh };
}

/**
 * Opens the vault that becomes a copy of another one, and creates it if it is not there. One with content of
 * its own is refused: it has some if it was not begun by a copy of that vault, or was served since.
 * @throws StowkenError VAULT_NOT_EMPTY (also if a server has it open in a database), STORE_LOCKED
 */
export async function openTarget(
  place: VaultPlace,
  core: TokenCore,
  { record, source }: Pick<OpenSource, 'record' | 'source'>,
): Promise<OpenTarget> {
  const { vault } = place;
  const codec = createLiveCodec(core);
  const copyOf = source.backend.vaultId;
  if (!isVaultName(vault)) throw invalidName(vault);
  const { catalogue, open, isOpen, close } = await connect(place, core);
  try {
    const begun = { settings: record.settings, createTimeMs: Date.now(), copyOf };
    if (vault !== defaultVault) await catalogue.create(vault, begun);
    const existing = await catalogue.read(vault);
    const isBegun = existing?.copyOf === copyOf;
    // A server that opens a copy makes the vault its own; one that had it open before would not notice.
    if (!isBegun && (await isOpen())) throw notCopy(place, 'another process has it open');
    const folder = catalogue.folderOf(vault);
    if (folder !== undefined) await prepareFolder(folder);
    const backend = await open(folder, codec);
    try {
      const { conversations, segments } = await backend.stats();
      if (!isBegun && conversations + segments > 0) throw notCopy(place, ownContent);
      codec.prepare();
      const { prefixIndex = true, labels } = record.settings;
      if (labels !== undefined) await backend.setLabels?.(labels);
      // Those of a vault that was there before are its own; those of a copy are the source's of now.
      const settings = isBegun ? record.settings : { ...record.settings, ...existing?.settings };
      await catalogue.write(vault, { ...begun, settings, vaultId: backend.vaultId });
      const requireCopy = async () => {
        if ((await catalogue.read(vault))?.copyOf !== copyOf) throw notCopy(place, 'a server has opened it');
      };
      const indexesPrefixes = prefixIndex && backend.findPrefix !== undefined;
      const target = { backend, indexesPrefixes, requireCopy };
      const closeAll = async () => {
        await backend.close();
        await close();
      };
      return { target, close: closeAll };
    } catch (error) {
      await backend.close();
      throw error;
    }
  } catch (error) {
    await close();
    throw error;
  }
}

async function prepareFolder(folder: string): Promise<void> {
  await checkDataFolder(folder);
  await makeFolder(folder);
}

interface Connection {
  readonly catalogue: VaultCatalogue;
  readonly open: (folder: string | undefined, codec: LiveCodec) => Promise<ManagedBackend>;
  /** True if others have the vault open, where opening it does not refuse that. */
  readonly isOpen: () => Promise<boolean>;
  readonly close: () => Promise<void>;
}

async function connect({ storage, at, vault }: VaultPlace, core: TokenCore): Promise<Connection> {
  const clock = Date.now;
  if (storage !== 'postgres') {
    const open: Connection['open'] = (folder = at, codec) =>
      storage === 'lmdb'
        ? openLmdbBackend({ folder, codec, clock })
        : openFilesystemBackend({ folder, codec, core, clock });
    const isOpen = () => Promise.resolve(false);
    return { catalogue: new FolderCatalogue(at), open, isOpen, close: async () => {} };
  }
  const store = await openPostgresStore(at);
  const catalogue = new DatabaseCatalogue(store);
  return {
    catalogue,
    open: async (_, codec) => {
      if (vault === defaultVault) await store.vaults.create(vault);
      return store.open(vault, { codec, clock });
    },
    isOpen: () => store.vaults.isOpen(vault),
    close: () => store.close(),
  };
}

const ownContent =
  'it has content of its own: it was not begun by a copy of this source, or was served since';

function notCopy({ vault }: VaultPlace, why: string): StowkenError {
  const message = `vault ${vault} of the target is no copy to go on with: ${why}`;
  return new StowkenError('VAULT_NOT_EMPTY', message, { vault });
}
