import { randomBytes } from 'node:crypto';
import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import type { OwnerRecord } from '../../shared/folder-lock.js';
import { checkFormat } from '../../shared/vault-folder.js';
import { sealedBytes } from './checksum.js';
import type { Environment, Tables } from './environment.js';
import { FORMAT_VERSION, FORMATS } from './layout.js';
import type { Table } from './table.js';

/** Keys of `meta`. */
export const IDENTITY_KEY = 1;
export const STATE_KEY = 2;

const VAULT_ID_BYTES = 16;

/** Figures that every commit rewrites, in the order in which they are stored. */
const figures = [
  'commitSequence',
  'nextSegment',
  'nextConversation',
  'lastConversation',
  'nextString',
  'nextBlock',
  'nextRequest',
  'lastStoreTimeMs',
  'conversations',
  'messages',
  'segments',
  'tokens',
  'uniqueTokens',
  'segmentBytes',
  'registryBytes',
  'garbageSegments',
  'garbageBytes',
] as const;

/** State of the vault: next numbers (all begin at 1), the hash index's size, and sums of its contents. */
export type State = Record<(typeof figures)[number], number>;

const zeros: Readonly<State> = Object.fromEntries(figures.map((figure) => [figure, 0])) as State;

export function emptyState(): State {
  return { ...zeros, nextSegment: 1, nextConversation: 1, nextString: 1, nextBlock: 1, nextRequest: 1 };
}

/** Returns the names of the figures in which two states differ. */
export function differingFigures(one: State, other: State): (keyof State)[] {
  return figures.filter((figure) => one[figure] !== other[figure]);
}

export function readState(meta: Table<number>): State {
  const record = meta.view(STATE_KEY);
  if (!record) throw withoutState();
  return decodeState(record);
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeState(record: Uint8Array): State {
  const reader = new ByteReader(record);
  const state = { ...zeros };
  for (const figure of figures) state[figure] = reader.varint();
  return state;
}

/** Returns a function that reads the figure from the table, for callers that need it rarely. */
export function storedFigure(meta: Table<number>, figure: keyof State): () => number {
  const index = figures.indexOf(figure);
  return () => {
    const record = meta.view(STATE_KEY);
    if (!record) throw withoutState();
    const reader = new ByteReader(record);
    for (let before = 0; before < index; before++) reader.varint();
    return reader.varint();
  };
}

/** Returns the number of the last commit, which is the first of the figures. */
export function readCommitSequence(meta: Table<number>): number {
  const record = meta.view(STATE_KEY);
  if (!record) throw withoutState();
  return new ByteReader(record).varint();
}

export function writeState(meta: Table<number>, state: State): void {
  const writer = new ByteWriter();
  for (const figure of figures) {
    const value = state[figure];
    // Sums of what was stored before do not contain what is deleted now.
    if (!(value >= 0 && Number.isSafeInteger(value)))
      throw meta.miscounted(STATE_KEY, `has too few ${figure}`);
    writer.varint(value);
  }
  meta.put(STATE_KEY, writer.finish());
}

/**
 * Returns the vault's id, or undefined for a new one.
 * @throws StowkenError STORE_VERSION if its format cannot be read, CORRUPT_STORE
 */
export function readIdentity(meta: Table<number>): string | undefined {
  const found = meta.unchecked(IDENTITY_KEY);
  if (!found) return undefined;
  // Format 1 ended with the id, whose last bytes are in the place of the checksum.
  const isOld =
    found.damage && found.value[0] === 1 && sealedBytes(found.value.length) === 1 + VAULT_ID_BYTES;
  if (isOld) checkFormat(1, FORMATS, 'the vault');
  if (found.damage) throw found.damage;
  const { format, vaultId } = decodeIdentity(found.value);
  checkFormat(format, FORMATS, 'the vault');
  return vaultId;
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeIdentity(record: Uint8Array): { readonly format: number; readonly vaultId: string } {
  const reader = new ByteReader(record);
  const format = reader.varint();
  return { format, vaultId: Buffer.from(reader.raw(VAULT_ID_BYTES)).toString('hex') };
}

/** Returns the format of a vault that is not new. @throws StowkenError CORRUPT_STORE */
export function formatOf(meta: Table<number>): number {
  const record = meta.get(IDENTITY_KEY);
  if (!record) throw withoutIdentity();
  return decodeIdentity(record).format;
}

/** Gives a vault of an earlier format this one. Runs in a write transaction. */
export function raiseFormat(meta: Table<number>): void {
  putIdentity(meta, Buffer.from(existingIdentity(meta), 'hex'));
}

function putIdentity(meta: Table<number>, id: Buffer): void {
  meta.put(IDENTITY_KEY, new ByteWriter().varint(FORMAT_VERSION).raw(id).finish());
}

/** Returns the id of a vault that is not new. @throws StowkenError STORE_VERSION, CORRUPT_STORE */
export function existingIdentity(meta: Table<number>): string {
  const id = readIdentity(meta);
  if (id === undefined) throw withoutIdentity();
  return id;
}

/**
 * True if nothing was ever written. The owner's name may be there before a vault is.
 * @throws StowkenError STORE_VERSION; CORRUPT_STORE if only its identity is missing
 */
export function isNew(tables: Tables): boolean {
  const { meta, ...others } = tables;
  if (readIdentity(meta) !== undefined) return false;
  const all: Pick<Table<number>, 'count'>[] = Object.values(others);
  if (meta.unchecked(STATE_KEY) || all.some((table) => table.count() > 0)) throw withoutIdentity();
  return true;
}

/** Creates an empty vault, with a new id unless one is given. */
export function initialise(meta: Table<number>, vaultId?: string): void {
  const id = vaultId === undefined ? randomBytes(VAULT_ID_BYTES) : Buffer.from(vaultId, 'hex');
  putIdentity(meta, id);
  writeState(meta, emptyState());
}

function withoutIdentity(): StowkenError {
  return new StowkenError('CORRUPT_STORE', 'the record of what vault this is is missing');
}

function withoutState(): StowkenError {
  return new StowkenError('CORRUPT_STORE', 'the state record is missing');
}

/** Key in `meta` of the name of the owner's socket. */
export const OWNER_KEY = 3;

/** Record of the owner's name in the vault itself: a transaction compares and replaces it. */
export function ownerRecord(environment: Environment): OwnerRecord {
  const { meta } = environment.tables;
  const read = () => {
    const record = meta.get(OWNER_KEY);
    return record && Buffer.from(record).toString('utf8');
  };
  return {
    read: async () => read(),
    replace: (found, name) =>
      environment.write(() => {
        if (read() !== found) return false;
        meta.put(OWNER_KEY, Buffer.from(name));
        return true;
      }),
  };
}
