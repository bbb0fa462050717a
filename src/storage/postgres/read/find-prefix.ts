import { isExpired, type Expiry } from '../../../model/index.js';
import { prefixFingerprintBytes, type PrefixFinding, type PrefixQuery } from '../../contract/queries.js';
import type { VaultParts } from '../commit/parts.js';
import { bytes, int, type Row, type Statement, text, type Value } from '../database/driver.js';
import { headFrom } from '../formats/head.js';
import {
  blocksUpTo,
  boundAfter,
  chunksOf,
  groupOf,
  type PrefixChunk,
  sharedBlocks,
} from '../formats/prefix.js';
import { joinedHeadColumns } from './list-indexes.js';

/** Conversations that are looked at once on each side of a place in the index, if some may be hidden. */
const rowsAtOnce = 64;
/** Hidden conversations that a search passes over: it ends with what it has found until then. */
const hiddenMax = 2_048;
export const firstUuid = '00000000-0000-0000-0000-000000000000';
const lastUuid = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Applications that have conversations in the index, one after the other. */
const nextApplication: Statement = {
  name: 'prefix_application',
  text: 'select g from prefix where p = $1 and n = 0 and g > $2::uuid order by g limit 1',
};
/** The last one of these chunks that some conversation goes on in. */
const findDeepest: Statement = {
  name: 'prefix_deepest',
  text: `select max(u.n) n from unnest($2::int4[], $3::uuid[]) u(n, g)
    where exists (select 1 from prefix t where t.p = $1 and t.n = u.n and t.g = u.g)`,
};
const chunksOfOthers = `select t.blocks, ${joinedHeadColumns} from prefix t
  join conv c on c.p = t.p and c.idh = t.idh where t.p = $1 and t.n = $2 and t.g = $3`;
const readBefore: Statement = {
  name: 'prefix_before',
  text: `${chunksOfOthers} and (t.blocks, t.idh) < ($4, $5::uuid)
    order by t.blocks desc, t.idh desc limit $6`,
};
const readAfter: Statement = {
  name: 'prefix_after',
  text: `${chunksOfOthers} and (t.blocks, t.idh) > ($4, $5::uuid) order by t.blocks, t.idh limit $6`,
};
const readMatches: Statement = {
  name: 'prefix_matches',
  text: `${chunksOfOthers} and (t.blocks, t.idh) > ($4, $5::uuid) and t.blocks < $6
    order by t.blocks, t.idh limit $7`,
};

/** A beginning that conversations of one application in one partition share with what is looked for. */
interface Shared {
  readonly p: number;
  readonly chunk: PrefixChunk;
  readonly blocks: number;
}

/**
 * Finds the greatest number of whole blocks that a conversation shares from the beginning. In the order of
 * their bytes, those that share most of a chunk are next to the place where it would be; so the last chunk
 * whose predecessors somebody shares is looked up, and its neighbours are compared.
 */
export async function findPrefix(vault: VaultParts, query: PrefixQuery): Promise<PrefixFinding> {
  const { database } = vault;
  if (query.blocks.length === 0) return { blocks: 0, ids: [] };
  const search = new Search(vault, query.expiry);
  const asked: { p: number; chunks: PrefixChunk[] }[] = [];
  for (const [p, groups] of await groupsIn(vault, query.application))
    for (const g of groups) asked.push({ p, chunks: chunksOf(query.blocks, g) });
  const deepest = await database.queries(
    asked.map(({ p, chunks }) => [findDeepest, [p, chunks.map(({ n }) => n), chunks.map(({ g }) => g)]]),
  );
  const found = await Promise.all(
    asked.map(async ({ p, chunks }, at) => {
      const n = deepest[at]?.[0]?.['n'] ?? null;
      return n === null ? undefined : search.deepest(p, chunks.slice(0, int(n) + 1));
    }),
  );
  const blocks = Math.max(0, ...found.map((shared) => shared?.blocks ?? 0));
  const ids: string[] = [];
  for (const shared of found)
    if (shared?.blocks === blocks) ids.push(...(await search.matches(shared, query.limit - ids.length)));
  // All of them may have gone since.
  return { blocks: ids.length === 0 ? 0 : blocks, ids };
}

/** Resolves to the names of what conversations begin with, by partitions: of one application, or of all. */
export async function groupsIn(
  { partitions, database }: VaultParts,
  application: string | undefined,
): Promise<Map<number, readonly string[]>> {
  if (application !== undefined) return new Map(partitions.all.map((p) => [p, [groupOf(application)]]));
  const groups = new Map(partitions.all.map((p): [number, string[]] => [p, []]));
  for (let left = [...groups]; left.length > 0;) {
    const asked = left.map(([p, found]): [Statement, Value[]] => [
      nextApplication,
      [p, found.at(-1) ?? firstUuid],
    ]);
    const answers = await database.queries(asked);
    left = left.filter(([, found], at) => {
      const [row] = answers[at] ?? [];
      if (row) found.push(text(row['g']));
      return row !== undefined;
    });
  }
  return groups;
}

/** One search: it passes over hidden conversations, but not over any number of them. */
class Search {
  #hidden = 0;

  constructor(
    private readonly vault: VaultParts,
    private readonly expiry: Expiry | undefined,
  ) {}

  /** Resolves to the beginning of these chunks that a visible conversation shares most of. */
  async deepest(p: number, chunks: readonly PrefixChunk[]): Promise<Shared | undefined> {
    for (const chunk of [...chunks].reverse()) {
      const [before, after] = await Promise.all([
        this.#first(readBefore, p, chunk),
        this.#first(readAfter, p, chunk),
      ]);
      const shared = Math.max(
        ...[before, after].map((blocks) => (blocks ? sharedBlocks(blocks, chunk.blocks) : 0)),
      );
      if (shared > 0) {
        const blocks = chunk.blocks.subarray(0, shared * prefixFingerprintBytes);
        return { p, chunk: { ...chunk, blocks }, blocks: blocksUpTo({ n: chunk.n, blocks }) };
      }
      if (this.#hidden >= hiddenMax) return undefined;
    }
    return undefined;
  }

  /** Resolves to the ids of visible conversations that share so much. */
  async matches({ p, chunk: { n, g, blocks } }: Shared, limit: number): Promise<string[]> {
    const ids: string[] = [];
    const bound = boundAfter(blocks);
    let [place, idh] = [blocks, firstUuid];
    while (ids.length < limit) {
      const asked = [p, n, g, place, idh, bound, Math.max(limit, rowsAtOnce)];
      const rows = await this.vault.database.query(readMatches, asked);
      for (const row of rows) if (ids.length < limit && this.#isVisible(row)) ids.push(idOf(row));
      const last = rows.at(-1);
      if (!last || rows.length < Math.max(limit, rowsAtOnce) || this.#hidden >= hiddenMax) break;
      [place, idh] = [bytes(last['blocks']), text(last['idh'])];
    }
    return ids;
  }

  /** Resolves to the first visible chunk on one side of a chunk's place. */
  async #first(statement: Statement, p: number, { n, g, blocks }: PrefixChunk): Promise<Buffer | undefined> {
    const limit = this.expiry ? rowsAtOnce : 1;
    let [place, idh] = [blocks, lastUuid];
    for (;;) {
      const rows = await this.vault.database.query(statement, [p, n, g, place, idh, limit]);
      const visible = rows.find((row) => this.#isVisible(row));
      if (visible) return bytes(visible['blocks']);
      const last = rows.at(-1);
      if (!last || rows.length < limit || this.#hidden >= hiddenMax) return undefined;
      [place, idh] = [bytes(last['blocks']), text(last['idh'])];
    }
  }

  #isVisible(row: Row): boolean {
    if (!this.expiry || !isExpired(headFrom(row).conversation, this.expiry)) return true;
    this.#hidden += 1;
    return false;
  }
}

function idOf(row: Row): string {
  return bytes(row['id']).toString();
}
