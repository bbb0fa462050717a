import { type LiveCodec, registryIdOf } from '../../../codec/index.js';
import { BoardChanges, type BoardMemory } from '../board/board-changes.js';
import type { Tables } from '../tables/environment.js';
import { IdIndexWriter } from '../conversations/id-index.js';
import { type StringTable, StringTableWriter } from '../conversations/string-table.js';
import { MessageBlocks, type OldestFreed } from '../conversations/message-blocks.js';
import { ListIndex } from '../lists/list-index.js';
import { UsageCounters, type UsageGroups } from '../lists/usage.js';
import { RadixIndex } from '../radix/radix-index.js';
import { References } from '../segments/references.js';
import { Registries } from '../segments/registries.js';
import { type OldestRequest, Requests } from '../conversations/requests.js';
import type { StringCode } from '../tables/ids.js';
import { SegmentChanges, type SegmentIndexCaches } from './segment-changes.js';
import { readState, type State, writeState } from '../tables/meta.js';

/** State shared by write sessions and the backend that opens them. */
export interface Shared extends SegmentIndexCaches {
  readonly codec: LiveCodec;
  readonly names: StringTable;
  readonly oldestRequest: OldestRequest;
  readonly oldestFreed: OldestFreed;
  readonly usageGroups: UsageGroups;
  readonly board: BoardMemory;
}

/** Drops what was read into memory, to read it again: it may be what broke an invariant. */
export function forgetCaches({
  cache,
  absences,
  directory,
  recent,
  names,
  oldestRequest,
  oldestFreed,
  usageGroups,
  board,
}: Shared): void {
  cache.clear();
  absences.clear();
  directory.clear();
  recent.clear();
  names.clear();
  usageGroups.clear();
  board.clear();
  oldestRequest.timeMs = undefined;
  oldestFreed.sequence = undefined;
}

/**
 * View of one write transaction: every change of the group sees those before it. Ends with flush(); without
 * it the transaction must be aborted.
 */
export class WriteSession {
  readonly state: State;
  readonly names: StringTableWriter;
  readonly ids: IdIndexWriter;
  readonly references: References;
  readonly messageBlocks: MessageBlocks;
  readonly requests: Requests;
  readonly radix: RadixIndex;
  readonly lists: ListIndex;
  readonly usage: UsageCounters;
  readonly registries: Registries;
  readonly segments: SegmentChanges;
  readonly board: BoardChanges;
  /** Changes of registries: the last bytes put, or undefined for a dropped one. */
  readonly #registryChanges = new Map<number, Uint8Array | undefined>();
  readonly nameOf = (code: StringCode): string => this.names.stringOf(code);

  constructor(
    readonly shared: Shared,
    nowMs: number,
  ) {
    const { tables } = shared;
    this.state = readState(tables.meta);
    this.state.commitSequence += 1;
    this.names = new StringTableWriter(tables.strings, shared.names, this.state.nextString);
    this.ids = new IdIndexWriter(tables.ids);
    this.references = new References(tables.references);
    this.messageBlocks = new MessageBlocks(tables, this.state, shared.oldestFreed);
    this.requests = new Requests(tables, this.state, this.names, this.nameOf, shared.oldestRequest);
    const { nextConversation } = this.state;
    this.radix = new RadixIndex(tables, () => nextConversation, {
      codeOf: (name) => this.names.codeOf(name, 'label'),
      stringOf: this.nameOf,
    });
    this.lists = new ListIndex(tables);
    this.usage = new UsageCounters(tables, shared.usageGroups, this.state.commitSequence);
    this.registries = new Registries(tables);
    this.segments = new SegmentChanges(shared, this.state, this.registries, nowMs);
    this.board = new BoardChanges(tables.meta, shared.board, this.state, (id) =>
      this.segments.referencesOf(id),
    );
  }

  get tables(): Tables {
    return this.shared.tables;
  }

  putRegistry(bytes: Uint8Array, timeMs: number): void {
    const id = registryIdOf(bytes);
    this.registries.put(id, bytes, timeMs);
    this.state.registryBytes += bytes.length;
    this.#registryChanges.set(id, bytes);
  }

  /** Removes those that no frame names; returns them. */
  dropRegistries(ids: readonly number[]): number[] {
    const dropped = ids.filter((id) => {
      const bytes = this.registries.drop(id);
      if (bytes === undefined) return false;
      this.state.registryBytes -= bytes;
      return true;
    });
    for (const id of dropped) this.#registryChanges.set(id, undefined);
    return dropped;
  }

  /**
   * Writes all buffered changes. Blocks freed at `sequenceMax` or before are read by no snapshot any more.
   */
  flush(sequenceMax: number): void {
    this.board.flush();
    this.segments.flush();
    this.registries.flush();
    this.references.flush();
    this.ids.flush();
    this.requests.flush();
    this.radix.flush(this.state.nextConversation);
    this.lists.flush();
    this.usage.flush();
    this.messageBlocks.flush(sequenceMax);
    this.state.nextString = this.names.nextCode;
    writeState(this.tables.meta, this.state);
  }

  /** Updates the caches after the commit. */
  committed(): void {
    this.segments.committed();
    this.board.committed();
    this.messageBlocks.committed();
    this.usage.committed();
    for (const [id, bytes] of this.#registryChanges) {
      if (bytes) this.shared.codec.add(bytes);
      else this.shared.codec.remove([id]);
    }
    if (this.names.changed) this.shared.names.refresh();
  }
}
