// The hot loop: the lanes take turns, one value each. Only one branch depends on the coded bits: whether a
// value has a task beyond up to four tokens. It is decided one turn later, when the value has long been
// loaded, so that a misprediction costs little.
import * as records from '../registry/records';
import * as tables from '../registry/tables';
import * as lane from './lane';

/**
 * Decodes in the lanes [from, end) until the block of one of them ends, well or not. Returns that lane. The
 * next turn is its own: to continue with another block in it, or with another lane in its place, pass that
 * lane as `first`.
 */
export function takeTurns(from: usize, end: usize, first: usize): usize {
  let mine = first;
  while (true) {
    for (; mine < end; mine += lane.LANE_BYTES) {
      if (load<u32>(mine, lane.TASK) > records.PLAIN_MAX) {
        if (!lane.settle(mine)) return mine;
      }
      const link = <usize>load<u32>(mine, lane.RECORD) + records.LINK;
      const table = <usize>load<u32>(link, tables.TABLE);
      let state = load<u64>(mine, lane.STATE);
      const slot = (<u32>state) & load<u16>(link, tables.MASK);
      const nearest =
        table + <usize>load<u16>(table + ((<usize>(slot >>> load<u8>(link, tables.SHIFT))) << 1));
      const slots = i16x8.splat(<i16>slot);
      const near = i16x8.gt_s(slots, v128.load(nearest));
      const far = i16x8.gt_s(slots, v128.load(nearest, 16));
      const before = <usize>ctz(~i8x16.bitmask(i8x16.narrow_i16x8_s(near, far)));
      const last = nearest + (before << 1);
      store<u32>(mine, <u32>(<usize>load<u32>(link, tables.RECORDS) + (last << 1)), lane.NEXT);
      const start = <u32>load<i16>(last - 2);
      const share = <u64>(<u32>load<i16>(last) - start);
      state = share * (state >>> load<u8>(link, tables.BITS)) + <u64>(slot - start - 1);
      const left = <i64>load<i32>(mine, lane.LEFT);
      const need = ((<i64>((state >>> 32) - 1)) >> 63) & (left >> 63);
      const word = <i64>load<u32>(load<u32>(mine, lane.WORDS_END) + <u32>left);
      store<i64>(mine, ((<i64>state) << (need & 32)) | (word & need), lane.STATE);
      store<i32>(mine, <i32>left + ((<i32>need) & 4), lane.LEFT);
    }
    for (mine = from; mine < end; mine += lane.LANE_BYTES) {
      const record = <usize>load<u32>(load<u32>(mine, lane.NEXT));
      const task = load<u32>(record, records.TASK);
      const to = <usize>load<u32>(mine, lane.TO);
      store<u32>(mine, <u32>record, lane.RECORD);
      store<u32>(mine, task, lane.TASK);
      v128.store(to, v128.load(record));
      const next = to + <usize>(task & records.BYTES_MASK);
      store<u32>(mine, <u32>next, lane.TO);
      if (next > <usize>load<u32>(mine, lane.LIMIT)) store<u32>(mine, records.REFUSE, lane.TASK);
    }
    mine = from;
  }
}
