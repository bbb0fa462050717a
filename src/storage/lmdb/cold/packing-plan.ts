import { readHeader } from '../conversations/conversations.js';
import type { StringOf } from '../conversations/manifest.js';
import type { Tables } from '../tables/environment.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { PACK_RECORD_BYTES_MAX } from './make-packs.js';
import type { NumberedRecord } from './pack-forms.js';
import { PACK_CONVERSATIONS_MAX } from './pack-head.js';
import type { DamagedPack, HeldPack } from './packed-conversations.js';

/** Part of a pack that must be gone before it is made again. */
const GONE_MAX = 1 / 4;
/** Packs with fewer conversations take up those behind them. */
const SMALL = PACK_CONVERSATIONS_MAX / 2;

/** Rules by which conversations are packed. */
export interface PackingRules {
  /** Conversations that changed later stay as they are. */
  readonly coldBeforeMs: number;
  /** Minimum of the records of their own for which a pack is made, or made again around them. */
  readonly fewest: number;
  /** True to make every pack again that still says something of a conversation that is gone. */
  readonly purges: boolean;
}

/** Conversations that go to new packs. */
export interface PackingGroup {
  readonly records: readonly NumberedRecord[];
  /** Packs that the new ones replace: all of their conversations are among the records. */
  readonly replaced: readonly HeldPack[];
}

/** A step over the conversations. */
export interface PackingStep {
  readonly group: PackingGroup | undefined;
  /** Last number that the step was about; undefined at the end. */
  readonly last: number | undefined;
}

type PlanTables = Pick<Tables, 'conversations'>;

/**
 * Looks at the conversations after a number for the next ones to be packed. The numbers of two packs must not
 * overlap: what lies between the numbers of a pack is packed with it, or not at all.
 */
export function planStep(
  tables: PlanTables,
  nameOf: StringOf,
  after: number,
  rules: PackingRules,
): PackingStep {
  const cold = (from: number, to: number, limit = PACK_CONVERSATIONS_MAX) =>
    coldRecords(tables, nameOf, { from, to, limit, ...rules });
  const [pack, next] = packsAfter(tables, after);
  const before = cold(after + 1, pack ? pack.key - 1 : Infinity);
  const isSmall = pack?.head !== undefined && hasRoom(tables, pack);
  const joins = isSmall && pack.head.numbers.length + before.length <= PACK_CONVERSATIONS_MAX;
  if (before.length >= rules.fewest && !joins)
    return { group: { records: before, replaced: [] }, last: before.at(-1)!.number };
  if (!pack) return { group: undefined, last: undefined };
  // Nobody knows how far a pack without its head goes.
  if (!pack.head) return { group: undefined, last: next ? next.key - 1 : undefined };
  const end = pack.head.numbers.at(-1)!;
  const taken = next?.head !== undefined && isSmall && hasRoom(tables, next) ? next : undefined;
  const inside = cold(pack.key, taken?.head.numbers.at(-1) ?? end, Infinity);
  const isLast = isSmall && !taken;
  const behind = isLast ? cold(end + 1, next ? next.key - 1 : Infinity) : [];
  const gone = pack.head.packed - pack.head.numbers.length;
  const isWorthIt =
    taken !== undefined ||
    gone > GONE_MAX * pack.head.packed ||
    (rules.purges && gone > 0) ||
    before.length + inside.length + behind.length >= rules.fewest;
  const replaced = taken ? [pack, taken] : [pack];
  const own = isWorthIt ? recordsOf(tables, replaced) : undefined;
  if (!own) return { group: undefined, last: end };
  const records = [...before, ...[...own, ...inside].sort((a, b) => a.number - b.number), ...behind];
  return { group: { records, replaced }, last: records.at(-1)!.number };
}

/** Returns the first two packs after a number. */
function packsAfter({ conversations }: PlanTables, after: number): (HeldPack | DamagedPack)[] {
  const packs: (HeldPack | DamagedPack)[] = [];
  for (const pack of conversations.packed.heldFrom(after + 1)) {
    if (pack.key > after) packs.push(pack);
    if (packs.length === 2) break;
  }
  return packs;
}

/** True if a pack has room for as much again. */
function hasRoom({ conversations }: PlanTables, { key, head }: HeldPack): boolean {
  const { length } = head.numbers;
  if (length >= SMALL) return false;
  const bytes = undefinedIfCorrupt(() => conversations.packed.decoded(key).byteLength);
  return bytes !== undefined && (bytes * length) / head.packed < PACK_RECORD_BYTES_MAX / 2;
}

/** Returns the records of packs' conversations; undefined if they cannot be read. */
function recordsOf({ conversations }: PlanTables, packs: readonly HeldPack[]): NumberedRecord[] | undefined {
  return undefinedIfCorrupt(() =>
    packs.flatMap((pack) =>
      pack.head.numbers.map((number) => ({ number, record: conversations.packed.recordIn(pack, number) })),
    ),
  );
}

interface ColdRange extends PackingRules {
  readonly from: number;
  readonly to: number;
  readonly limit: number;
}

/** Returns records of their own that have not changed lately; damaged ones stay as they are. */
function coldRecords(
  { conversations }: PlanTables,
  nameOf: StringOf,
  { from, to, limit, coldBeforeMs }: ColdRange,
): NumberedRecord[] {
  const records: NumberedRecord[] = [];
  if (to < from) return records;
  for (const { key, value } of conversations.hot.scan({ start: from })) {
    if (key > to || records.length === limit) break;
    const header = value && undefinedIfCorrupt(() => readHeader(value, nameOf));
    if (header && header.conversation.updateTimeMs <= coldBeforeMs)
      records.push({ number: key, record: Buffer.from(value) });
  }
  return records;
}
