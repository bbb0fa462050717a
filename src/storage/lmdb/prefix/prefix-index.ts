import { StowkenError } from '../../../model/index.js';
import type { Tables } from '../tables/environment.js';
import type { KeyEntry } from '../tables/key-chunk.js';
import { KeyIndexWriter } from '../tables/key-index.js';
import { PREFIX_RUN_BLOCKS } from '../tables/layout.js';
import { PrefixPlaces, type PrefixPlace } from './prefix-places.js';
import {
  applicationOfKey,
  blockCount,
  blocksOf,
  childKey,
  decodePrefixRun,
  encodePrefixRun,
  endKey,
  endOfKey,
  runEnd,
  runKey,
  type PrefixEnd,
  type PrefixRun,
} from './prefix-run.js';

const ROOT: PrefixPlace = { run: 0, depth: 0 };

/**
 * Which conversations begin with the same blocks: for each application a tree of runs of blocks, in which every
 * conversation ends somewhere. What two share is there once. Of one stretch of reading, or of one write transaction,
 * which ends with flush().
 */
export class PrefixIndex {
  readonly #runs: Tables['prefixRuns'];
  readonly #children: KeyIndexWriter;
  readonly #ends: KeyIndexWriter;
  readonly #places: PrefixPlaces;
  #nextRun: number | undefined;

  constructor(tables: Pick<Tables, 'prefixRuns' | 'prefixChildren' | 'prefixEnds' | 'prefixPlaces'>) {
    this.#runs = tables.prefixRuns;
    this.#children = new KeyIndexWriter(tables.prefixChildren);
    this.#ends = new KeyIndexWriter(tables.prefixEnds);
    this.#places = new PrefixPlaces(tables.prefixPlaces);
  }

  /** Enters a conversation that is not in it. */
  insert(conversation: number, application: string, blocks: Uint8Array): void {
    this.#settle(conversation, this.#grow(ROOT, application, blocks));
  }

  /** Adds blocks to a conversation that has `depth` so far. One of which others are missing stays as it is. */
  extend(conversation: number, application: string, depth: number, blocks: Uint8Array): void {
    const place = this.#places.get(conversation) ?? ROOT;
    if (place.depth !== depth || blocks.length === 0) return;
    this.#leave(conversation, place);
    this.#settle(conversation, this.#grow(place, application, blocks));
  }

  /** Enters a conversation that begins as another one does, for so many blocks. */
  fork(parent: number, conversation: number, depth: number): void {
    const place = this.#places.get(parent);
    if (!place) return;
    let { run } = place;
    while (run !== 0) {
      const { parent: before, start } = this.#run(run);
      if (start < depth) break;
      run = before;
    }
    this.#settle(conversation, { run, depth: Math.min(depth, place.depth) });
  }

  remove(conversation: number): void {
    const place = this.#places.get(conversation);
    if (!place) return;
    this.#leave(conversation, place);
    this.#places.set(conversation, undefined);
    this.#prune(place.run);
  }

  /** Writes what was held back. */
  flush(): void {
    this.#children.flush();
    this.#ends.flush();
    this.#places.flush();
  }

  /** The most blocks that any conversation begins with, and some of those that do; of one application or of all. */
  find(
    application: string | undefined,
    blocks: Uint8Array,
    limit: number,
  ): { readonly blocks: number; readonly conversations: number[] } {
    let deepest = 0;
    let places: PrefixPlace[] = [];
    for (const name of application === undefined ? this.#applicationsAt(blocks) : [application]) {
      const place = this.#follow(ROOT, name, blocks);
      if (place.depth === 0 || place.depth < deepest) continue;
      if (place.depth > deepest) places = [];
      deepest = place.depth;
      places.push(place);
    }
    const conversations: number[] = [];
    for (const place of places) {
      for (const conversation of this.#conversationsFrom(place)) {
        if (conversations.length === limit) return { blocks: deepest, conversations };
        conversations.push(conversation);
      }
    }
    return { blocks: deepest, conversations };
  }

  /** Goes on from a place for as many blocks as are known there. */
  #follow(from: PrefixPlace, application: string, blocks: Uint8Array): PrefixPlace {
    let { run: number, depth } = from;
    let run = number === 0 ? undefined : this.#run(number);
    const end = from.depth + blockCount(blocks);
    while (depth < end) {
      const rest = blocksOf(blocks, depth - from.depth);
      if (run === undefined || depth === runEnd(run)) {
        const child = this.#child(number, blocksOf(rest, 0, 1), application);
        if (child === undefined) break;
        number = child;
        run = this.#run(child);
      }
      const same = sharedBlocks(blocksOf(run.blocks, depth - run.start), rest);
      depth += same;
      if (same === 0 || depth < runEnd(run)) break;
    }
    return { run: number, depth };
  }

  /** Goes on from a place for all these blocks; those that are not known there are from now on. */
  #grow(from: PrefixPlace, application: string, blocks: Uint8Array): PrefixPlace {
    let { run: number, depth } = this.#follow(from, application, blocks);
    const end = from.depth + blockCount(blocks);
    if (depth === end) return { run: number, depth };
    let room = 0;
    if (number !== 0) {
      const run = this.#run(number);
      if (depth < runEnd(run)) number = this.#split(number, run, depth, application);
      else if (!this.#hasChildren(number)) room = PREFIX_RUN_BLOCKS - blockCount(run.blocks);
    }
    if (room > 0) {
      const run = this.#run(number);
      const added = blocksOf(blocks, depth - from.depth, Math.min(depth + room, end) - from.depth);
      this.#put(number, { ...run, blocks: Buffer.concat([run.blocks, added]) });
      depth += blockCount(added);
    }
    while (depth < end) {
      const piece = blocksOf(
        blocks,
        depth - from.depth,
        Math.min(depth + PREFIX_RUN_BLOCKS, end) - from.depth,
      );
      number = this.#add({ parent: number, start: depth, blocks: piece }, application);
      depth += blockCount(piece);
    }
    return { run: number, depth };
  }

  /** Makes a run of the blocks of this one up to a depth; returns it. The rest, and what comes after, stays where it is. */
  #split(number: number, run: PrefixRun, depth: number, application: string): number {
    const before = blocksOf(run.blocks, 0, depth - run.start);
    const after = blocksOf(run.blocks, depth - run.start);
    this.#children.remove(childKey(run.parent, blocksOf(before, 0, 1), application));
    const upper = this.#add({ parent: run.parent, start: run.start, blocks: before }, application);
    this.#put(number, { parent: upper, start: depth, blocks: after });
    this.#setChild(upper, after, application, number);
    for (const end of [...this.#endsOf(number, run.start, depth + 1)]) {
      this.#leave(end.conversation, end);
      this.#settle(end.conversation, { run: upper, depth: end.depth });
    }
    return upper;
  }

  /** Takes away blocks that no conversation has any more, from the end of this run back. */
  #prune(from: number): void {
    for (let number = from; number !== 0 && !this.#hasChildren(number);) {
      const run = this.#run(number);
      const kept = (this.#deepestEnd(number) ?? run.start) - run.start;
      if (kept > 0) {
        if (kept < blockCount(run.blocks))
          this.#put(number, { ...run, blocks: blocksOf(run.blocks, 0, kept) });
        return;
      }
      this.#removeChild(number, run);
      this.#runs.remove(number);
      number = run.parent;
    }
  }

  /** Of the first runs, the key has the application too, which a conversation that is damaged may not say any more. */
  #removeChild(number: number, { parent, blocks }: PrefixRun): void {
    const beginning = childKey(parent, blocksOf(blocks, 0, 1), '');
    for (const { key, number: child } of this.#children.from(beginning)) {
      if (!beginsWith(key, beginning)) return;
      if (child === number) return this.#children.remove(key);
    }
  }

  *#conversationsFrom(place: PrefixPlace): Generator<number, void, void> {
    const open = [place];
    for (let next = open.pop(); next; next = open.pop()) {
      for (const { conversation } of this.#endsOf(next.run, next.depth)) yield conversation;
      for (const { number } of this.#childrenOf(next.run)) open.push({ run: number, depth: 0 });
    }
  }

  /** Applications of which a conversation begins with the first of these blocks. */
  *#applicationsAt(blocks: Uint8Array): Generator<string, void, void> {
    if (blocks.length === 0) return;
    const first = childKey(0, blocksOf(blocks, 0, 1), '');
    for (const { key } of this.#children.from(first)) {
      if (!beginsWith(key, first)) return;
      yield applicationOfKey(key);
    }
  }

  *#childrenOf(run: number): Generator<KeyEntry, void, void> {
    const beginning = runKey(run);
    for (const child of this.#children.from(beginning)) {
      if (!beginsWith(child.key, beginning)) return;
      yield child;
    }
  }

  #hasChildren(run: number): boolean {
    return this.#childrenOf(run).next().done !== true;
  }

  /** Conversations that end in a run, from one depth on and before another. */
  *#endsOf(run: number, from: number, before = Infinity): Generator<PrefixEnd, void, void> {
    for (const { key } of this.#ends.from(endKey({ run, depth: from, conversation: 0 }))) {
      const end = endOfKey(key);
      if (end.run !== run || end.depth >= before) return;
      yield end;
    }
  }

  #deepestEnd(run: number): number | undefined {
    const last = this.#ends.before(runKey(run + 1));
    const end = last && endOfKey(last.key);
    return end?.run === run ? end.depth : undefined;
  }

  #settle(conversation: number, place: PrefixPlace): void {
    if (place.depth === 0) return;
    this.#places.set(conversation, place);
    this.#ends.insert(endKey({ ...place, conversation }), 0);
  }

  #leave(conversation: number, place: PrefixPlace): void {
    if (place.depth > 0) this.#ends.remove(endKey({ ...place, conversation }));
  }

  #run(number: number): PrefixRun {
    const record = this.#runs.get(number);
    if (!record) throw new StowkenError('CORRUPT_STORE', `run ${number} of the prefix index is missing`);
    return decodePrefixRun(record);
  }

  #put(number: number, run: PrefixRun): void {
    this.#runs.put(number, encodePrefixRun(run));
  }

  #add(run: PrefixRun, application: string): number {
    const number = (this.#nextRun ??= (this.#runs.lastKey() ?? 0) + 1);
    this.#nextRun += 1;
    this.#runs.append(number, encodePrefixRun(run));
    this.#setChild(run.parent, run.blocks, application, number);
    return number;
  }

  #child(parent: number, firstBlock: Uint8Array, application: string): number | undefined {
    return this.#children.find(childKey(parent, firstBlock, application));
  }

  #setChild(parent: number, blocks: Uint8Array, application: string, number: number): void {
    const key = childKey(parent, blocksOf(blocks, 0, 1), application);
    this.#children.insert(key, number);
  }
}

function beginsWith(key: Buffer, beginning: Buffer): boolean {
  return key.subarray(0, beginning.length).equals(beginning);
}

function sharedBlocks(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  let at = 0;
  while (at < length && one[at] === other[at]) at++;
  return Math.floor(blockCount(one.subarray(0, at)));
}
