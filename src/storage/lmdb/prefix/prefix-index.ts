import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../bytes.js';
import type { Tables } from '../tables/environment.js';
import { PREFIX_RUN_BLOCKS } from '../tables/layout.js';
import {
  applicationOfKey,
  blockCount,
  blocksOf,
  childKey,
  decodePrefixPlace,
  decodePrefixRun,
  encodePrefixPlace,
  encodePrefixRun,
  endKey,
  endOfKey,
  runEnd,
  runKey,
  type PrefixEnd,
  type PrefixPlace,
  type PrefixRun,
} from './prefix-run.js';

const ROOT: PrefixPlace = { run: 0, depth: 0 };
const NOTHING = new Uint8Array(0);

/**
 * Which conversations begin with the same blocks: for each application a tree of runs of blocks, in which every
 * conversation ends somewhere. What two share is there once. Reads, and writes, the tables as they are.
 */
export class PrefixIndex {
  constructor(
    private readonly tables: Pick<Tables, 'prefixRuns' | 'prefixChildren' | 'prefixEnds' | 'prefixPlaces'>,
  ) {}

  /** Enters a conversation that is not in it. */
  insert(conversation: number, application: string, blocks: Uint8Array): void {
    this.#settle(conversation, this.#grow(ROOT, application, blocks));
  }

  /** Adds blocks to a conversation that has `depth` so far. One of which others are missing stays as it is. */
  extend(conversation: number, application: string, depth: number, blocks: Uint8Array): void {
    const place = this.#placeOf(conversation) ?? ROOT;
    if (place.depth !== depth || blocks.length === 0) return;
    this.#leave(conversation, place);
    this.#settle(conversation, this.#grow(place, application, blocks));
  }

  /** Enters a conversation that begins as another one does, for so many blocks. */
  fork(parent: number, conversation: number, depth: number): void {
    const place = this.#placeOf(parent);
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
    const place = this.#placeOf(conversation);
    if (!place) return;
    this.#leave(conversation, place);
    this.tables.prefixPlaces.remove(conversation);
    this.#prune(place.run);
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
    const upper = this.#add({ parent: run.parent, start: run.start, blocks: before }, application);
    this.#put(number, { parent: upper, start: depth, blocks: after });
    this.#setChild(upper, after, application, number);
    for (const end of [...this.#ends(number, run.start, depth + 1)]) {
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
      this.tables.prefixRuns.remove(number);
      number = run.parent;
    }
  }

  /** Of the first runs, the key has the application too, which a conversation that is damaged may not say any more. */
  #removeChild(number: number, { parent, blocks }: PrefixRun): void {
    const beginning = childKey(parent, blocksOf(blocks, 0, 1), '');
    for (const { key, value } of this.tables.prefixChildren.range({ start: beginning })) {
      if (key.compare(beginning, 0, beginning.length, 0, beginning.length) !== 0) return;
      if (decodeNumber(value) === number) return this.tables.prefixChildren.remove(key);
    }
  }

  *#conversationsFrom(place: PrefixPlace): Generator<number, void, void> {
    const open = [place];
    for (let next = open.pop(); next; next = open.pop()) {
      for (const { conversation } of this.#ends(next.run, next.depth)) yield conversation;
      for (const { value } of this.#children(next.run)) open.push({ run: decodeNumber(value), depth: 0 });
    }
  }

  /** Applications of which a conversation begins with the first of these blocks. */
  *#applicationsAt(blocks: Uint8Array): Generator<string, void, void> {
    if (blocks.length === 0) return;
    const first = childKey(0, blocksOf(blocks, 0, 1), '');
    for (const { key } of this.tables.prefixChildren.range({ start: first, end: runKey(1) })) {
      if (key.compare(first, 0, first.length, 0, first.length) !== 0) return;
      yield applicationOfKey(key);
    }
  }

  #children(run: number, limit?: number) {
    return this.tables.prefixChildren.range({
      start: runKey(run),
      end: runKey(run + 1),
      ...(limit !== undefined && { limit }),
    });
  }

  #hasChildren(run: number): boolean {
    for (const child of this.#children(run, 1)) return child.key.length > 0;
    return false;
  }

  /** Conversations that end in a run, from one depth on and before another. */
  *#ends(run: number, from: number, before?: number): Generator<PrefixEnd, void, void> {
    const start = endKey({ run, depth: from, conversation: 0 });
    const end = before === undefined ? runKey(run + 1) : endKey({ run, depth: before, conversation: 0 });
    for (const { key } of this.tables.prefixEnds.range({ start, end })) yield endOfKey(key);
  }

  #deepestEnd(run: number): number | undefined {
    const key = this.tables.prefixEnds.floorKey(runKey(run + 1));
    const end = key && endOfKey(key);
    return end?.run === run ? end.depth : undefined;
  }

  #settle(conversation: number, place: PrefixPlace): void {
    if (place.depth === 0) return;
    this.tables.prefixPlaces.put(conversation, encodePrefixPlace(place));
    this.tables.prefixEnds.put(endKey({ ...place, conversation }), NOTHING);
  }

  #leave(conversation: number, place: PrefixPlace): void {
    if (place.depth > 0) this.tables.prefixEnds.remove(endKey({ ...place, conversation }));
  }

  #placeOf(conversation: number): PrefixPlace | undefined {
    const record = this.tables.prefixPlaces.get(conversation);
    return record && decodePrefixPlace(record);
  }

  #run(number: number): PrefixRun {
    const record = this.tables.prefixRuns.get(number);
    if (!record) throw new StowkenError('CORRUPT_STORE', `run ${number} of the prefix index is missing`);
    return decodePrefixRun(record);
  }

  #put(number: number, run: PrefixRun): void {
    this.tables.prefixRuns.put(number, encodePrefixRun(run));
  }

  #add(run: PrefixRun, application: string): number {
    const number = (this.tables.prefixRuns.lastKey() ?? 0) + 1;
    this.tables.prefixRuns.append(number, encodePrefixRun(run));
    this.#setChild(run.parent, run.blocks, application, number);
    return number;
  }

  #child(parent: number, firstBlock: Uint8Array, application: string): number | undefined {
    const record = this.tables.prefixChildren.get(childKey(parent, firstBlock, application));
    return record && decodeNumber(record);
  }

  #setChild(parent: number, blocks: Uint8Array, application: string, number: number): void {
    const key = childKey(parent, blocksOf(blocks, 0, 1), application);
    this.tables.prefixChildren.put(key, encodeNumber(number));
  }
}

export function encodeNumber(number: number): Uint8Array {
  return new ByteWriter(8).varint(number).finish();
}

export function decodeNumber(record: Uint8Array): number {
  return new ByteReader(record).varint();
}

function sharedBlocks(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  let at = 0;
  while (at < length && one[at] === other[at]) at++;
  return Math.floor(blockCount(one.subarray(0, at)));
}
