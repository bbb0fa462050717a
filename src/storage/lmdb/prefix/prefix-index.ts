import type { Tables } from '../tables/environment.js';
import { PREFIX_RUN_BLOCKS } from '../tables/layout.js';
import { PrefixPlaces, type PrefixPlace } from './prefix-places.js';
import { blockCount, blocksOf, runEnd, type PrefixRun } from './prefix-run.js';
import { PrefixRuns } from './prefix-runs.js';

const ROOT: PrefixPlace = { run: 0, depth: 0 };

/**
 * Which conversations begin with the same blocks: for each application a tree of runs of blocks, in which every
 * conversation ends somewhere. What two share is there once. Of one stretch of reading, or of one write transaction,
 * which ends with flush().
 */
export class PrefixIndex {
  readonly #runs: PrefixRuns;
  readonly #places: PrefixPlaces;

  constructor(tables: Pick<Tables, 'prefixRuns' | 'prefixChildren' | 'prefixEnds' | 'prefixPlaces'>) {
    this.#runs = new PrefixRuns(tables);
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
      const { parent: before, start } = this.#runs.get(run);
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
    this.#runs.flush();
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
    for (const name of application === undefined ? this.#runs.applicationsAt(blocks) : [application]) {
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
    let run = number === 0 ? undefined : this.#runs.get(number);
    const end = from.depth + blockCount(blocks);
    while (depth < end) {
      const rest = blocksOf(blocks, depth - from.depth);
      if (run === undefined || depth === runEnd(run)) {
        const child = this.#runs.child(number, blocksOf(rest, 0, 1), application);
        if (child === undefined) break;
        number = child;
        run = this.#runs.get(child);
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
      const run = this.#runs.get(number);
      if (depth < runEnd(run)) number = this.#split(number, run, depth, application);
      else if (!this.#runs.hasChildren(number)) room = PREFIX_RUN_BLOCKS - blockCount(run.blocks);
    }
    if (room > 0) {
      const run = this.#runs.get(number);
      const added = blocksOf(blocks, depth - from.depth, Math.min(depth + room, end) - from.depth);
      this.#runs.put(number, { ...run, blocks: Buffer.concat([run.blocks, added]) });
      depth += blockCount(added);
    }
    while (depth < end) {
      const piece = blocksOf(
        blocks,
        depth - from.depth,
        Math.min(depth + PREFIX_RUN_BLOCKS, end) - from.depth,
      );
      number = this.#runs.add({ parent: number, start: depth, blocks: piece }, application);
      depth += blockCount(piece);
    }
    return { run: number, depth };
  }

  /** Makes a run of the blocks of this one up to a depth; returns it. The rest, and what comes after, stays where it is. */
  #split(number: number, run: PrefixRun, depth: number, application: string): number {
    const before = blocksOf(run.blocks, 0, depth - run.start);
    const after = blocksOf(run.blocks, depth - run.start);
    this.#runs.unsetChild(run.parent, before, application);
    const upper = this.#runs.add({ parent: run.parent, start: run.start, blocks: before }, application);
    this.#runs.put(number, { parent: upper, start: depth, blocks: after });
    this.#runs.setChild(upper, after, application, number);
    for (const end of [...this.#runs.endsOf(number, run.start, depth + 1)]) {
      this.#leave(end.conversation, end);
      this.#settle(end.conversation, { run: upper, depth: end.depth });
    }
    return upper;
  }

  /** Takes away blocks that no conversation has any more, from the end of this run back. */
  #prune(from: number): void {
    for (let number = from; number !== 0 && !this.#runs.hasChildren(number);) {
      const run = this.#runs.get(number);
      const kept = (this.#runs.deepestEnd(number) ?? run.start) - run.start;
      if (kept > 0) {
        if (kept < blockCount(run.blocks))
          this.#runs.put(number, { ...run, blocks: blocksOf(run.blocks, 0, kept) });
        return;
      }
      this.#runs.remove(number, run);
      number = run.parent;
    }
  }

  *#conversationsFrom(place: PrefixPlace): Generator<number, void, void> {
    const open = [place];
    for (let next = open.pop(); next; next = open.pop()) {
      for (const { conversation } of this.#runs.endsOf(next.run, next.depth)) yield conversation;
      for (const { number } of this.#runs.childrenOf(next.run)) open.push({ run: number, depth: 0 });
    }
  }

  #settle(conversation: number, place: PrefixPlace): void {
    if (place.depth === 0) return;
    this.#places.set(conversation, place);
    this.#runs.addEnd(conversation, place);
  }

  #leave(conversation: number, place: PrefixPlace): void {
    if (place.depth > 0) this.#runs.removeEnd(conversation, place);
  }
}

function sharedBlocks(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  let at = 0;
  while (at < length && one[at] === other[at]) at++;
  return Math.floor(blockCount(one.subarray(0, at)));
}
