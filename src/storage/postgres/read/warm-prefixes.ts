import type { WarmFinding, WarmQuery } from '../../contract/warm.js';
import { BackgroundTurns } from '../../shared/background.js';
import { WarmTree } from '../../shared/warm-tree.js';
import type { VaultParts } from '../commit/parts.js';
import { bytes, int, type Row, type Statement, text } from '../database/driver.js';
import { compareIds, type PackId } from '../formats/ids.js';
import { blocksUpTo, chunkBlocks, groupAfter, isWhole, sharedBlocks } from '../formats/prefix.js';
import { firstUuid, groupsIn } from './find-prefix.js';

const rowsAtOnce = 1_000;

/** Chunks of conversations created since a time, in the order of their bytes. */
const scanChunks: Statement = {
  name: 'prefix_scan',
  text: `select t.blocks, t.idh, c.created, c.cid from prefix t join conv c on c.p = t.p and c.idh = t.idh
    where t.p = $1 and t.n = $2 and t.g = $3 and (t.blocks, t.idh) > ($4, $5::uuid) and c.created >= $6
    order by t.blocks, t.idh limit ${rowsAtOnce}`,
};
const readHead: Statement = {
  name: 'prefix_head',
  text: 'select id, app, created from conv where p = $1 and idh = $2',
};

/** A conversation in the tree, by the number that the tree has of it. */
interface Counted {
  readonly p: number;
  readonly idh: string;
  readonly createdMs: number;
  /** Its place among those created at one time. */
  readonly cid: PackId;
}

interface ScannedChunk extends Counted {
  readonly blocks: Buffer;
}

/**
 * Finds the prefixes that recur most: reads the index in its order, in all partitions, and no message list.
 * Conversations that are alike are next to each other, so that a tree of what they share grows from them; a
 * chunk that two have whole leads to those that go on from there.
 */
export async function warmPrefixes(vault: VaultParts, query: WarmQuery): Promise<WarmFinding[]> {
  const { application, createdFromMs, blocksMin, limit, signal } = query;
  const groups = new Set([...(await groupsIn(vault, application)).values()].flat());
  const scan = new Scan(vault, Math.max(0, Math.ceil(createdFromMs)), new BackgroundTurns(signal));
  for (const g of groups) await scan.group(0, g, 0);
  const { tree, conversations } = scan.end();
  const found: WarmFinding[] = [];
  for (const { depth, newest, conversations: count } of tree.best(limit, blocksMin)) {
    const { p, idh } = conversations[newest]!;
    const [row] = await vault.database.query(readHead, [p, idh]);
    // It was deleted meanwhile.
    if (!row) continue;
    found.push({
      application: bytes(row['app']).toString(),
      blocks: depth,
      conversations: count,
      id: bytes(row['id']).toString(),
      newestMs: int(row['created']),
    });
  }
  return found;
}

/** A tree of chunks that come in order, and the conversations that end in it. */
class Scan {
  readonly #tree = new WarmTree();
  readonly #ends: (Counted & { readonly node: number; readonly depth: number })[] = [];
  #nodes = 0;

  constructor(
    private readonly vault: VaultParts,
    private readonly createdFromMs: number,
    private readonly turns: BackgroundTurns,
  ) {}

  /**
   * Adds the conversations that go on from a node, whose blocks are whole chunks. Resolves to their names.
   */
  async group(n: number, g: string, root: number): Promise<Set<string>> {
    const names = new Set<string>();
    /** Nodes from the root to the chunk before, by their depths. */
    let path = [{ node: root, depth: n * chunkBlocks }];
    let alike: ScannedChunk[] = [];
    let before: Buffer | undefined;
    for await (const chunk of this.#chunks(n, g)) {
      names.add(nameOf(chunk));
      if (before?.equals(chunk.blocks) !== true) {
        await this.#finish(alike, n, g, path.at(-1)!.node);
        alike = [];
        path = this.#follow(path, n * chunkBlocks + sharedBlocks(before ?? noBlocks, chunk.blocks));
        const { node: parent } = path.at(-1)!;
        const depth = blocksUpTo({ n, blocks: chunk.blocks });
        path.push({ node: this.#add(parent, depth), depth });
      }
      alike.push(chunk);
      before = chunk.blocks;
      if (this.turns.due) await this.turns.pause();
    }
    await this.#finish(alike, n, g, path.at(-1)!.node);
    return names;
  }

  /** Numbers the conversations by their create times. */
  end(): { readonly tree: WarmTree; readonly conversations: readonly Counted[] } {
    this.#ends.sort((a, b) => a.createdMs - b.createdMs || compareIds(a.cid, b.cid));
    for (const [number, { node, depth }] of this.#ends.entries()) this.#tree.addEnd(node, depth, number);
    return { tree: this.#tree, conversations: this.#ends };
  }

  /** Goes back to what the next chunk shares; a node that it leaves in between is divided there. */
  #follow(path: readonly { node: number; depth: number }[], shared: number) {
    const kept = path.filter(({ depth }) => depth <= shared);
    const left = path[kept.length];
    const last = kept.at(-1)!;
    if (!left || last.depth === shared) return kept;
    const middle = this.#add(last.node, shared);
    this.#tree.addNode(left.node, middle, left.depth);
    return [...kept, { node: middle, depth: shared }];
  }

  /** Ends conversations with the same chunk, or goes on with those that have more. */
  async #finish(alike: readonly ScannedChunk[], n: number, g: string, node: number): Promise<void> {
    const [first] = alike;
    if (!first) return;
    const goesOn = isWhole(first) && alike.length > 1;
    const further = goesOn
      ? await this.group(n + 1, groupAfter({ g, blocks: first.blocks }), node)
      : undefined;
    const depth = blocksUpTo({ n, blocks: first.blocks });
    for (const { p, idh, createdMs, cid } of alike)
      if (!further?.has(nameOf({ p, idh }))) this.#ends.push({ p, idh, createdMs, cid, node, depth });
  }

  #add(parent: number, depth: number): number {
    this.#nodes += 1;
    this.#tree.addNode(this.#nodes, parent, depth);
    return this.#nodes;
  }

  /** Yields the chunks of all partitions in one order. */
  async *#chunks(n: number, g: string): AsyncGenerator<ScannedChunk, void, void> {
    const open = await Promise.all(
      this.vault.partitions.all.map(async (p) => {
        const chunks = this.#chunksIn(p, n, g);
        return { chunks, next: await chunks.next() };
      }),
    );
    for (;;) {
      let first: (typeof open)[number] | undefined;
      for (const each of open)
        if (!each.next.done && (!first || isBefore(each.next.value, first.next.value!))) first = each;
      if (!first) return;
      yield first.next.value!;
      first.next = await first.chunks.next();
    }
  }

  async *#chunksIn(p: number, n: number, g: string): AsyncGenerator<ScannedChunk, void, void> {
    let [blocks, idh]: [Buffer, string] = [noBlocks, firstUuid];
    for (;;) {
      const asked = [p, n, g, blocks, idh, this.createdFromMs];
      const rows: readonly Row[] = await this.vault.database.query(scanChunks, asked);
      for (const row of rows) {
        [blocks, idh] = [bytes(row['blocks']), text(row['idh'])];
        yield { p, idh, blocks, createdMs: int(row['created']), cid: text(row['cid']) };
      }
      if (rows.length < rowsAtOnce) return;
    }
  }
}

const noBlocks = Buffer.alloc(0);

function isBefore(one: ScannedChunk, other: ScannedChunk): boolean {
  return one.blocks.compare(other.blocks) < 0;
}

function nameOf({ p, idh }: Pick<Counted, 'p' | 'idh'>): string {
  return `${p} ${idh}`;
}
