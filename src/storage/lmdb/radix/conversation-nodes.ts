import { CONVERSATION_NODES_PER_CHUNK } from '../tables/layout.js';
import type { Table } from '../tables/table.js';
import type { ConversationNumber } from '../tables/ids.js';
import { decodePlaces, encodePlaces, type NodePosition, type Places } from './places.js';

const NONE = new Uint8Array(0);

interface Chunk {
  readonly places: Places;
  /** True if the table has a record under this key. */
  readonly stored: boolean;
  changed: boolean;
}

/**
 * Positions at which conversations end in the prefix index, by their numbers; several share a record. Once
 * one has a position, there are records up to that of the last number taken, and none is removed: so a
 * missing one is damage. Used for one stretch of reading or one write transaction, which ends with flush().
 */
export class ConversationNodes {
  readonly #chunks = new Map<number, Chunk>();

  /** `next` is the next number before this transaction. */
  constructor(
    private readonly table: Table<number>,
    private readonly next: () => number,
  ) {}

  /** Returns undefined if it is not indexed. */
  get(conversation: ConversationNumber): NodePosition | undefined {
    return this.#chunk(conversation).places[conversation % CONVERSATION_NODES_PER_CHUNK];
  }

  set(conversation: ConversationNumber, place: NodePosition | undefined): void {
    const chunk = this.#chunk(conversation);
    chunk.places[conversation % CONVERSATION_NODES_PER_CHUNK] = place;
    chunk.changed = true;
  }

  /** Writes buffered changes, and records up to the last number below `next`. */
  flush(next: number): void {
    const chunks = [...this.#chunks].sort(([a], [b]) => a - b);
    let grows = keyOf(next - 1) > keyOf(this.next() - 1);
    for (const [key, { places, stored, changed }] of chunks) {
      if (!changed) continue;
      const record = encodePlaces(places);
      if (stored) this.table.put(key, record);
      else if (record.length > 0) {
        this.#reach(key - 1);
        this.table.append(key, record);
        grows = true;
      }
    }
    this.#chunks.clear();
    if (grows && !this.table.isEmpty()) this.#reach(keyOf(next - 1));
  }

  #reach(last: number): void {
    for (let empty = (this.table.lastKey() ?? 0) + 1; empty <= last; empty++) this.table.append(empty, NONE);
  }

  #chunk(conversation: ConversationNumber): Chunk {
    const key = keyOf(conversation);
    let chunk = this.#chunks.get(key);
    if (!chunk) {
      const record = this.table.get(key);
      if (!record && key <= keyOf(this.next() - 1) && !this.table.isEmpty())
        throw this.table.corrupt(key, 'is missing: there are conversations whose places it has');
      chunk = { places: record ? decodePlaces(record) : [], stored: record !== undefined, changed: false };
      this.#chunks.set(key, chunk);
    }
    return chunk;
  }
}

function keyOf(conversation: number): number {
  return Math.floor(conversation / CONVERSATION_NODES_PER_CHUNK) + 1;
}

/**
 * Returns the conversations of a record that have a position, and the positions.
 * @throws StowkenError CORRUPT_STORE
 */
export function placesIn(
  key: number,
  record: Uint8Array,
): [conversation: ConversationNumber, place: NodePosition][] {
  const first = (key - 1) * CONVERSATION_NODES_PER_CHUNK;
  return decodePlaces(record).flatMap((place, index) =>
    place ? [[(first + index) as ConversationNumber, place]] : [],
  );
}
