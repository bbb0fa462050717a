import { ByteReader, ByteWriter } from '../../bytes.js';
import type { State } from '../tables/state.js';
import type { Table } from '../tables/table.js';

/** A segment without references: since when, since which commit, and its frame's length. */
export interface GarbageRecord {
  readonly sinceMs: number;
  readonly sequence: number;
  readonly frameBytes: number;
}

export function encodeGarbage({ sinceMs, sequence, frameBytes }: GarbageRecord): Uint8Array {
  return new ByteWriter(24).varint(sinceMs).varint(sequence).varint(frameBytes).finish();
}

export function decodeGarbage(record: Uint8Array): GarbageRecord {
  const reader = new ByteReader(record);
  return { sinceMs: reader.varint(), sequence: reader.varint(), frameBytes: reader.varint() };
}

/** The garbage as one write transaction sees and changes it; `state` keeps its sums. */
export class Garbage {
  constructor(
    private readonly table: Table<number>,
    private readonly state: State,
    private readonly nowMs: number,
  ) {}

  get(id: number): GarbageRecord | undefined {
    const record = this.table.view(id);
    return record && decodeGarbage(record);
  }

  /** From now on, also where it was there already. */
  enter(id: number, frameBytes: number): void {
    if (!this.get(id)) this.#count(1, frameBytes);
    const { commitSequence: sequence } = this.state;
    this.table.put(id, encodeGarbage({ sinceMs: this.nowMs, sequence, frameBytes }));
  }

  /** Where it is there, its frame has another length from now on. */
  resize(id: number, frameBytes: number): void {
    const record = this.get(id);
    if (!record) return;
    this.#count(0, frameBytes - record.frameBytes);
    this.table.put(id, encodeGarbage({ ...record, frameBytes }));
  }

  leave(id: number): void {
    const record = this.get(id);
    if (!record) return;
    this.#count(-1, -record.frameBytes);
    this.table.remove(id);
  }

  #count(segments: number, bytes: number): void {
    this.state.garbageSegments += segments;
    this.state.garbageBytes += bytes;
  }
}
