import { randomBytes } from 'node:crypto';
import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../bytes.js';
import { FORMAT_VERSION } from './layout.js';
import type { Table } from './table.js';

/** Keys of `meta`. */
const IDENTITY_KEY = 1;
const STATE_KEY = 2;

/** The figures that every commit rewrites, in the order in which they are stored. */
const figures = [
  'commitSequence',
  'nextSegment',
  'nextConversation',
  'nextName',
  'nextPage',
  'nextRequest',
  'lastCreateTimeMs',
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

/** Where the vault stands: next numbers (all begin at 1), the hash index's size, and what it holds. */
export type State = Record<(typeof figures)[number], number>;

export function emptyState(): State {
  const state = Object.fromEntries(figures.map((figure) => [figure, 0])) as State;
  return { ...state, nextSegment: 1, nextConversation: 1, nextName: 1, nextPage: 1, nextRequest: 1 };
}

/** Names of the figures in which two states differ. */
export function differingFigures(one: State, other: State): (keyof State)[] {
  return figures.filter((figure) => one[figure] !== other[figure]);
}

export function readState(meta: Table<number>): State {
  const record = meta.get(STATE_KEY);
  if (!record) throw new StowkenError('CORRUPT_STORE', 'the state record is missing');
  const reader = new ByteReader(record);
  return Object.fromEntries(figures.map((figure) => [figure, reader.varint()])) as State;
}

/** Of the last commit: the first of the figures. */
export function readCommitSequence(meta: Table<number>): number {
  return new ByteReader(meta.view(STATE_KEY) ?? new Uint8Array(0)).varint();
}

export function writeState(meta: Table<number>, state: State): void {
  const writer = new ByteWriter();
  for (const figure of figures) writer.varint(state[figure]);
  meta.put(STATE_KEY, writer.finish());
}

/** The vault's id, or undefined in a new one. @throws StowkenError STORE_VERSION when a newer version wrote it */
export function readIdentity(meta: Table<number>): string | undefined {
  const record = meta.get(IDENTITY_KEY);
  if (!record) return undefined;
  const reader = new ByteReader(record);
  const version = reader.varint();
  if (version > FORMAT_VERSION) {
    throw new StowkenError(
      'STORE_VERSION',
      `the vault has storage format ${version}; this version of stowken reads up to ${FORMAT_VERSION}`,
      { version: String(version), versionMax: String(FORMAT_VERSION) },
    );
  }
  return Buffer.from(reader.raw(16)).toString('hex');
}

/** Makes an empty vault. */
export function initialise(meta: Table<number>): void {
  meta.put(IDENTITY_KEY, new ByteWriter().varint(FORMAT_VERSION).raw(randomBytes(16)).finish());
  writeState(meta, emptyState());
}
