import type { Conversation } from '../../../model/index.js';
import type { Change } from '../../contract/change.js';
import { prefixFingerprintBytes, wholeBlocks } from '../../contract/queries.js';
import type { Part } from '../../shared/change-ops.js';
import type { Row, Statement } from '../database/driver.js';
import { bytes } from '../database/driver.js';
import { isFailedCheck } from '../database/failures.js';
import type { Transaction } from '../database/transaction.js';
import { uuidOf } from '../formats/ids.js';
import {
  blocksUpTo,
  boundAfter,
  chunkBlocks,
  chunkFrom,
  chunksOf,
  groupAfter,
  groupOf,
  isWhole,
  type PrefixChunk,
  sharedBlocks,
} from '../formats/prefix.js';
import type { Partitions } from '../partitions.js';
import type { KnownPrefixes } from '../read/known-prefixes.js';

const insertChunks: Statement = {
  name: 'prefix_insert',
  text: `insert into prefix (p, n, g, idh, blocks) select $1::int, u.n, u.g, $2::uuid, u.blocks
    from unnest($3::int4[], $4::uuid[], $5::bytea[]) u(n, g, blocks)`,
};
const growChunk: Statement = {
  name: 'prefix_grow',
  text: 'update prefix set blocks = $4 where p = $1 and idh = $2 and n = $3',
};
export const deleteChunks: Statement = {
  name: 'prefix_delete',
  text: 'delete from prefix where p = $1 and idh = any($2::uuid[])',
};
const readLast: Statement = {
  name: 'prefix_last',
  text: 'select n, g, blocks from prefix where p = $1 and idh = $2 order by n desc limit 1',
};
const readChunks: Statement = {
  name: 'prefix_chunks',
  text: 'select n, g, blocks from prefix where p = $1 and idh = $2 order by n',
};
/** The chunks of others next to one in their order: no other shares more of its beginning. */
const readNeighbours: Statement = {
  name: 'prefix_neighbours',
  text: `(select blocks from prefix where p = $1 and n = $2 and g = $3 and blocks <= $4 and idh <> $5
      order by blocks desc limit 1)
    union all
    (select blocks from prefix where p = $1 and n = $2 and g = $3 and blocks > $4 and idh <> $5
      order by blocks limit 1)`,
};
/** The same of what a conversation's last chunk will be with more blocks. */
const readNeighboursOfGrown: Statement = {
  name: 'prefix_neighbours_grown',
  text: `(select blocks from prefix where p = $1 and n = $2 and idh <> $4
      and g = (select o.g from prefix o where o.p = $1 and o.idh = $4 and o.n = $2)
      and blocks <= (select o.blocks || $3::bytea from prefix o where o.p = $1 and o.idh = $4 and o.n = $2)
      order by blocks desc limit 1)
    union all
    (select blocks from prefix where p = $1 and n = $2 and idh <> $4
      and g = (select o.g from prefix o where o.p = $1 and o.idh = $4 and o.n = $2)
      and blocks > (select o.blocks || $3::bytea from prefix o where o.p = $1 and o.idh = $4 and o.n = $2)
      order by blocks limit 1)`,
};

/**
 * Divides by zero unless some chunk is between the first two bounds, if $8, and none between the others, if
 * $9. The order leaves one index that has it, whatever the planner knows of the table.
 */
export const requireShared: Statement = {
  name: 'prefix_require',
  text: `select 1 / (case when coalesce(sum(a), 0) = $8::int then 1 else 0 end) from (
    (select 1 a from prefix where p = $1 and n = $2 and g = $3 and blocks >= $4 and blocks < $5 and $8::int = 1
      order by blocks limit 1)
    union all
    (select 2 a from prefix where p = $1 and n = $2 and g = $3 and blocks >= $6 and blocks < $7 and $9::bool
      order by blocks limit 1)) x`,
};

type Before = Pick<Conversation, 'application' | 'totalTokens'>;

/** Rows beside those of a chunk, for each chunk of a list. */
type Neighbours = readonly (readonly Row[])[];

/**
 * The prefix index in one change: rows of the conversations that it names, with their rows in `conv`. Shared
 * blocks are looked up with all else that the change looks up, in the partition of the conversation: they
 * count what others of that partition begin with.
 */
export class Prefixes {
  /** Blocks of the last put or append that others begin with too. */
  shared = 0;
  /** True if the transaction has failed because others share more or less than was believed. */
  guessedWrong = false;
  readonly #chunks = new Map<string, readonly PrefixChunk[]>();
  #neighbours: Neighbours = [];
  #believed: number | undefined;

  private constructor(
    private readonly transaction: Transaction,
    private readonly partitions: Partitions,
  ) {}

  /** Looks up what the change needs to know. */
  static async begin(transaction: Transaction, partitions: Partitions, change: Change): Promise<Prefixes> {
    const prefixes = new Prefixes(transaction, partitions);
    await Promise.all([
      prefixes.#beginPut(change.put),
      prefixes.#beginAppend(change),
      prefixes.#beginFork(change.fork),
    ]);
    return prefixes;
  }

  /**
   * Takes what a new conversation shares from memory, and has the transaction fail unless others share just
   * as much.
   */
  static believe(
    transaction: Transaction,
    partitions: Partitions,
    put: Part<'put'>,
    known: KnownPrefixes,
  ): Prefixes {
    const prefixes = new Prefixes(transaction, partitions);
    const p = partitions.ofId(put.spec.id);
    let believed = 0;
    for (const { n, g, blocks } of chunksOfPut(put)) {
      const shared = known.sharedOf({ n, g, blocks });
      const [same, more] = [shared, shared + 1].map((each) =>
        blocks.subarray(0, each * prefixFingerprintBytes),
      );
      const bounds = [same!, boundAfter(same!), more!, boundAfter(more!)];
      const goesOn = shared * prefixFingerprintBytes < blocks.length;
      const values = [p, n, g, ...bounds, shared > 0 ? 1 : 0, goesOn];
      transaction.send(requireShared, values, (error) => (prefixes.guessedWrong ||= isFailedCheck(error)));
      believed += shared;
      if (shared < chunkBlocks) break;
    }
    prefixes.#believed = believed;
    return prefixes;
  }

  /** Adds a conversation that is not in the index, or not any more. */
  put(put: Part<'put'>): void {
    const chunks = chunksOfPut(put);
    this.#insert(put.spec.id, chunks);
    this.shared = this.#believed ?? sharedIn(chunks, this.#neighbours);
  }

  /** Adds blocks to a conversation. One without all blocks before them is not changed. */
  async append({ id, prefix }: Part<'append'>, before: Before): Promise<void> {
    this.shared = 0;
    if (!prefix || prefix.blocks.length === 0) return;
    const depth = wholeBlocks(before.totalTokens);
    const own = this.#chunks.get(id) ?? [];
    const last = own.at(-1);
    if ((last ? blocksUpTo(last) : 0) !== depth) return;
    const [p, idh] = this.#keyOf(id);
    if (last && !isWhole(last)) {
      const [grown, ...others] = chunksOf(Buffer.concat([last.blocks, prefix.blocks]), last.g, last.n);
      this.transaction.send(growChunk, [p, idh, last.n, grown!.blocks]);
      this.#insert(id, others);
      this.#chunks.set(id, [...own.slice(0, -1), grown!, ...others]);
      const inChunk = depth - last.n * chunkBlocks;
      const shared = sharedIn([grown!], this.#neighbours);
      const beyond = shared === chunkBlocks ? sharedIn(others, await this.#beside(others, p, idh)) : 0;
      this.shared = Math.max(0, shared + beyond - inChunk);
    } else {
      const [g, n] = last ? [groupAfter(last), last.n + 1] : [groupOf(before.application), 0];
      const chunks = chunksOf(prefix.blocks, g, n);
      // The names of what is before them are known by now alone.
      this.shared = sharedIn(chunks, await this.#beside(chunks, p, idh));
      this.#insert(id, chunks);
      this.#chunks.set(id, [...own, ...chunks]);
    }
  }

  /** Adds a fork, with the blocks that it has of its parent. */
  fork({ id, newId, indexed }: Part<'fork'>, totalTokens: number): void {
    if (indexed !== true) return;
    const parent = Buffer.concat((this.#chunks.get(id) ?? []).map(({ blocks }) => blocks));
    const first = this.#chunks.get(id)?.[0];
    if (!first) return;
    const bytesMax = wholeBlocks(totalTokens) * prefixFingerprintBytes;
    this.#insert(newId, chunksOf(parent.subarray(0, bytesMax), first.g));
  }

  remove(id: string): void {
    const [p, idh] = this.#keyOf(id);
    this.transaction.send(deleteChunks, [p, [idh]]);
  }

  #insert(id: string, chunks: readonly PrefixChunk[]): void {
    if (chunks.length === 0) return;
    const columns = [chunks.map(({ n }) => n), chunks.map(({ g }) => g), chunks.map(({ blocks }) => blocks)];
    this.transaction.send(insertChunks, [...this.#keyOf(id), ...columns]);
  }

  async #beginPut(put: Change['put']): Promise<void> {
    if (!put?.prefix || put.prefix.length === 0) return;
    const [p, idh] = this.#keyOf(put.spec.id);
    this.#neighbours = await this.#beside(chunksOfPut(put), p, idh);
  }

  /** Reads all chunks of a conversation that is forked too: the fork may have what is appended. */
  async #beginAppend({ append, fork }: Change): Promise<void> {
    if (!append?.prefix || append.prefix.blocks.length === 0) return;
    const { id } = append;
    const { blocks, after } = append.prefix;
    const [p, idh] = this.#keyOf(id);
    const n = Math.floor(wholeBlocks(after.totalTokens) / chunkBlocks);
    const grown = [p, n, blocks.subarray(0, chunkBlocks * prefixFingerprintBytes), idh];
    const [rows, neighbours] = await Promise.all([
      this.transaction.query(fork?.id === id ? readChunks : readLast, [p, idh]),
      this.transaction.query(readNeighboursOfGrown, grown),
    ]);
    this.#chunks.set(id, rows.map(chunkFrom));
    this.#neighbours = [neighbours];
  }

  async #beginFork(fork: Change['fork']): Promise<void> {
    if (fork?.indexed !== true) return;
    const rows = await this.transaction.query(readChunks, this.#keyOf(fork.id));
    this.#chunks.set(fork.id, rows.map(chunkFrom));
  }

  #beside(chunks: readonly PrefixChunk[], p: number, idh: string): Promise<Neighbours> {
    return Promise.all(
      chunks.map(({ n, g, blocks }) => this.transaction.query(readNeighbours, [p, n, g, blocks, idh])),
    );
  }

  #keyOf(id: string): [number, string] {
    return [this.partitions.ofId(id), uuidOf(id)];
  }
}

const nothing = new Uint8Array(0);

export function chunksOfPut({ spec: { application }, prefix = nothing }: Part<'put'>): PrefixChunk[] {
  return chunksOf(prefix, groupOf(application));
}

/** Returns how many blocks of these chunks others begin with; a chunk counts if all before it are shared. */
function sharedIn(chunks: readonly PrefixChunk[], neighbours: Neighbours): number {
  let shared = 0;
  for (const [at, chunk] of chunks.entries()) {
    const rows = neighbours[at] ?? [];
    const here = Math.max(0, ...rows.map((row) => sharedBlocks(bytes(row['blocks']), chunk.blocks)));
    shared += here;
    if (here < chunkBlocks) break;
  }
  return shared;
}
