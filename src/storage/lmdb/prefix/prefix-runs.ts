import { StowkenError } from '../../../model/index.js';
import type { Tables } from '../tables/environment.js';
import type { KeyEntry } from '../tables/key-chunk.js';
import { KeyIndexWriter } from '../tables/key-index.js';
import type { PrefixPlace } from './prefix-places.js';
import {
  applicationOfKey,
  blocksOf,
  childKey,
  decodePrefixRun,
  encodePrefixRun,
  endKey,
  endOfKey,
  runKey,
  type PrefixEnd,
  type PrefixRun,
} from './prefix-run.js';

/** The runs of the prefix index by their numbers, which run follows which, and which conversations end in each. */
export class PrefixRuns {
  readonly #runs: Tables['prefixRuns'];
  readonly #children: KeyIndexWriter;
  readonly #ends: KeyIndexWriter;
  #next: number | undefined;

  constructor(tables: Pick<Tables, 'prefixRuns' | 'prefixChildren' | 'prefixEnds'>) {
    this.#runs = tables.prefixRuns;
    this.#children = new KeyIndexWriter(tables.prefixChildren);
    this.#ends = new KeyIndexWriter(tables.prefixEnds);
  }

  /** @throws StowkenError CORRUPT_STORE */
  get(number: number): PrefixRun {
    const record = this.#runs.get(number);
    if (!record) throw new StowkenError('CORRUPT_STORE', `run ${number} of the prefix index is missing`);
    return decodePrefixRun(record);
  }

  put(number: number, run: PrefixRun): void {
    this.#runs.put(number, encodePrefixRun(run));
  }

  /** Stores a run that follows its parent. */
  add(run: PrefixRun, application: string): number {
    const number = (this.#next ??= (this.#runs.lastKey() ?? 0) + 1);
    this.#next += 1;
    this.#runs.append(number, encodePrefixRun(run));
    this.setChild(run.parent, run.blocks, application, number);
    return number;
  }

  /** The run of an application that follows a run with this block. */
  child(parent: number, firstBlock: Uint8Array, application: string): number | undefined {
    return this.#children.find(childKey(parent, firstBlock, application));
  }

  /** A run with these blocks follows its parent. */
  setChild(parent: number, blocks: Uint8Array, application: string, number: number): void {
    this.#children.insert(childKey(parent, blocksOf(blocks, 0, 1), application), number);
  }

  unsetChild(parent: number, blocks: Uint8Array, application: string): void {
    this.#children.remove(childKey(parent, blocksOf(blocks, 0, 1), application));
  }

  /** Takes a run away that nothing follows. */
  remove(number: number, { parent, blocks }: PrefixRun): void {
    this.#removeChild(number, parent, blocks);
    this.#runs.remove(number);
  }

  /** Of the first runs, the key has the application too, which a conversation that is damaged may not say any more. */
  #removeChild(number: number, parent: number, blocks: Uint8Array): void {
    const beginning = childKey(parent, blocksOf(blocks, 0, 1), '');
    for (const { key, number: child } of this.#children.from(beginning)) {
      if (!beginsWith(key, beginning)) return;
      if (child === number) return this.#children.remove(key);
    }
  }

  /** Applications of which a conversation begins with the first of these blocks. */
  *applicationsAt(blocks: Uint8Array): Generator<string, void, void> {
    if (blocks.length === 0) return;
    const first = childKey(0, blocksOf(blocks, 0, 1), '');
    for (const { key } of this.#children.from(first)) {
      if (!beginsWith(key, first)) return;
      yield applicationOfKey(key);
    }
  }

  *childrenOf(run: number): Generator<KeyEntry, void, void> {
    const beginning = runKey(run);
    for (const child of this.#children.from(beginning)) {
      if (!beginsWith(child.key, beginning)) return;
      yield child;
    }
  }

  hasChildren(run: number): boolean {
    return this.childrenOf(run).next().done !== true;
  }

  /** Conversations that end in a run, from one depth on and before another. */
  *endsOf(run: number, from: number, before = Infinity): Generator<PrefixEnd, void, void> {
    for (const { key } of this.#ends.from(endKey({ run, depth: from, conversation: 0 }))) {
      const end = endOfKey(key);
      if (end.run !== run || end.depth >= before) return;
      yield end;
    }
  }

  deepestEnd(run: number): number | undefined {
    const last = this.#ends.before(runKey(run + 1));
    const end = last && endOfKey(last.key);
    return end?.run === run ? end.depth : undefined;
  }

  addEnd(conversation: number, place: PrefixPlace): void {
    this.#ends.insert(endKey({ ...place, conversation }), 0);
  }

  removeEnd(conversation: number, place: PrefixPlace): void {
    this.#ends.remove(endKey({ ...place, conversation }));
  }

  /** Writes what was held back. */
  flush(): void {
    this.#children.flush();
    this.#ends.flush();
  }
}

function beginsWith(key: Buffer, beginning: Buffer): boolean {
  return key.subarray(0, beginning.length).equals(beginning);
}
