import { expect } from 'vitest';
import type { Change, MaintainedBackend, SegmentKey, SharedOrder } from '../../../../src/storage/index.js';
import { openLmdbBackend } from '../../../../src/storage/index.js';
import { type Board, readBoard } from '../../../../src/storage/lmdb/board/board.js';
import type { BoardLimits } from '../../../../src/storage/lmdb/board/choice.js';
import { Environment, type Tables } from '../../../../src/storage/lmdb/tables/environment.js';
import { codec, longSegment, message, spec } from '../../../contract/support.js';
import { eventually } from '../../../support/wait.js';
import { temporaryFolder, type TemporaryFolder } from '../../faults/support.js';

export const orders: readonly SharedOrder[] = ['references', 'tokensSaved'];
/** A board that is cut down again and again. */
export const small: BoardLimits = { page: 4, keptPerOrder: 8, entries: 16, risenBytes: 40 };
export const signal = new AbortController().signal;

/** Segments by their seed, of seed tokens and more. */
export const segmentOf = (seed: number) => longSegment(1 + (seed % 13), seed);

/** Returns the change that stores a conversation with a message for each seed. */
export function put(id: string, seeds: readonly number[], timeMs: number, revision: number): Change {
  const segments = seeds.map(segmentOf);
  return {
    newSegments: segments,
    put: {
      spec: spec(id),
      messages: segments.map((segment) => message('user', segment)),
      expect: { kind: 'revision', revision },
      timeMs,
    },
  };
}

/** A vault in a folder of its own, whose board's uses are never far behind. */
export class BoardBench {
  backend!: MaintainedBackend;
  nowMs = 1000;

  private constructor(private readonly folder: TemporaryFolder) {}

  static async create(): Promise<BoardBench> {
    return new BoardBench(await temporaryFolder());
  }

  async open(boardLimits?: BoardLimits): Promise<void> {
    this.backend = await openLmdbBackend({
      folder: this.folder.path,
      codec,
      clock: () => this.nowMs,
      durability: 'relaxed',
      strict: true,
      lock: false,
      unindexedMax: 8,
      ...(boardLimits && { boardLimits }),
    });
  }

  async remove(): Promise<void> {
    await this.backend.close();
    await this.folder.remove();
  }

  /** Changes records while the vault is closed, and opens it again. */
  async spoil(change: (tables: Tables) => void, boardLimits?: BoardLimits): Promise<void> {
    await this.backend.close();
    await this.beside(async (environment) => environment.write(() => change(environment.tables)));
    await this.open(boardLimits);
  }

  async store(id: string, seeds: readonly number[], timeMs = this.nowMs): Promise<void> {
    const before = await this.backend.getConversation(id);
    await this.backend.commit(put(id, seeds, timeMs, before?.revision ?? 0));
  }

  /** Returns the ranks of all shared segments, by a look at every one, the greatest first. */
  async ranks(order: SharedOrder): Promise<number[]> {
    const found: number[] = [];
    let after: SegmentKey | undefined;
    do {
      const page = await this.backend.scanSegments({ limit: 100, bytesMax: 1e6, ...(after && { after }) });
      const counts = await this.backend.countReferences(page.segments.map(({ key }) => key));
      for (const [at, { tokenCount }] of page.segments.entries()) {
        const references = counts[at]!;
        if (references > 1) found.push(order === 'references' ? references : (references - 1) * tokenCount);
      }
      after = page.next;
    } while (after !== undefined);
    return found.sort((a, b) => b - a);
  }

  /** Returns the create times of the conversations with a segment, and how many were looked at. */
  async useTimes(seed: number): Promise<{ readonly timesMs: number[]; readonly looked: number }> {
    const [found] = await this.backend.findSegments([segmentOf(seed).hash]);
    const [timesMs, sums]: [number[], { looked: number; damaged: number }] = [[], { looked: 0, damaged: 0 }];
    if (!found) return { timesMs, looked: 0 };
    for await (const part of this.backend.useTimes!({ key: found.key, signal })) {
      timesMs.push(...part.createTimesMs);
      sums.looked += part.looked;
      sums.damaged += part.damaged;
    }
    expect(sums.damaged).toBe(0);
    return { timesMs: timesMs.sort((a, b) => a - b), looked: sums.looked };
  }

  /** Returns the create times of all conversations by the hashes in them, by a look at every message. */
  async allTimes(): Promise<Map<string, number[]>> {
    const times = new Map<string, number[]>();
    const query = { filter: {}, order: 'oldestFirst', limit: 10_000, scanLimit: 10_000 } as const;
    for (const { id, createTimeMs } of (await this.backend.listConversations(query)).conversations) {
      const snapshot = (await this.backend.openConversation(id))!;
      const messages = await snapshot.read(0, 10_000);
      snapshot.release();
      const keys = new Set(messages.flatMap(({ segments }) => segments.map(({ key }) => key)));
      for (const hash of await this.backend.readHashes([...keys]))
        times.set(hash, [...(times.get(hash) ?? []), createTimeMs]);
    }
    return times;
  }

  /** Returns what the board knows, which may be a moment later. */
  async shared(order: SharedOrder, limit: number) {
    return eventually(async () => {
      const found = await this.backend.sharedSegments!({ order, limit, signal });
      if (!found) throw new Error('the board is being built');
      return found;
    });
  }

  async sharedRanks(order: SharedOrder, limit: number): Promise<number[]> {
    return (await this.shared(order, limit)).map(({ references, tokenCount }) =>
      order === 'references' ? references : (references - 1) * tokenCount,
    );
  }

  /** Returns the board once it is as wanted, by a look beside the backend, which does not make it look. */
  async boardWhen(isWanted: (board: Board, tables: Tables) => boolean): Promise<Board> {
    return this.beside((environment) =>
      eventually(() => {
        environment.refresh();
        const board = readBoard(environment.tables.meta);
        if (!board || !isWanted(board, environment.tables)) throw new Error('the board is another one');
        return Promise.resolve(board);
      }),
    );
  }

  private async beside<T>(look: (environment: Environment) => Promise<T>): Promise<T> {
    const environment = await Environment.open(this.folder.path, { sync: false });
    try {
      return await look(environment);
    } finally {
      await environment.close();
    }
  }
}
