import { createHash } from 'node:crypto';
import { type Conversation, StowkenError } from '../../../model/index.js';
import { type UsageFigures, usageFigures, type UsageQuery } from '../../contract/usage.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import {
  groupedBy,
  periodOf,
  USAGE_GROUPS_MAX,
  USAGE_PERIOD_MS,
  type UsageEvent,
  type UsageGroup,
} from '../../shared/usage.js';
import type { Tables } from '../tables/environment.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { readState } from '../tables/meta.js';
import { labelsIn, readDimensions } from './dimensions.js';
import {
  add,
  begunLedger,
  type Content,
  countedIn,
  emptyLedger,
  readLedger,
  type UsageLedger,
  writeLedger,
} from './usage-ledger.js';

export type UsageTables = Pick<Tables, 'meta' | 'usage' | 'usageGroups'>;

/** Length of a group's text above which its hash is kept: labels may have 64 KiB. */
const textLengthMax = 128;

/** Numbers of the groups that are committed, in memory; loaded when something is counted. */
export class UsageGroups {
  /** By text or hash. No hash is a group's text, which is an array. */
  readonly #numbers = new Map<string, number>();
  /** Number of the last group. Groups that an erasure has made alike have one entry above. */
  #last = 0;
  /** Commit as of which all groups are loaded. */
  #sequence = -1;
  /** The committed group without labels that was asked for last. */
  #plain: { readonly group: PlainGroup; readonly number: number } | undefined;
  /** True once the vault has a ledger, which it never loses. */
  hasLedger = false;

  clear(): void {
    this.#numbers.clear();
    this.#last = 0;
    this.#sequence = -1;
    this.#plain = undefined;
    this.hasLedger = false;
  }

  /** Loads the groups that commits up to the one with this sequence number have added. */
  refresh(table: Tables['usageGroups'], sequence: number): void {
    if (sequence === this.#sequence) return;
    this.#sequence = sequence;
    if ((table.lastKey() ?? 0) <= this.#last) return;
    for (const { key, value } of table.range({ start: this.#last + 1 })) {
      this.#numbers.set(shortened(Buffer.from(value).toString('utf8')), key);
      this.#last = key;
    }
  }

  /** Adds the groups of the commit after the one as of which all are loaded. */
  follow(added: ReadonlyMap<string, number>, sequence: number): void {
    if (sequence !== this.#sequence + 1) return;
    for (const [text, number] of added) {
      this.#numbers.set(shortened(text), number);
      this.#last = number;
    }
    this.#sequence = sequence;
  }

  get last(): number {
    return this.#last;
  }

  get(text: string): number | undefined {
    return this.#numbers.get(shortened(text));
  }

  /** Returns the number of the group of conversations without labels. Remembers the last one. */
  plain({ application, model, tokenizer }: PlainGroup): number | undefined {
    const last = this.#plain?.group;
    if (last?.application === application && last.model === model && last.tokenizer === tokenizer)
      return this.#plain?.number;
    const number = this.get(JSON.stringify([application, model, tokenizer, {}] satisfies UsageGroup));
    this.#plain = number === undefined ? undefined : { group: { application, model, tokenizer }, number };
    return number;
  }
}

type PlainGroup = Pick<Conversation, 'application' | 'model' | 'tokenizer'>;

function shortened(text: string): string {
  return text.length <= textLengthMax ? text : createHash('sha256').update(text).digest('base64');
}

/** Number above those of all groups. */
const GROUPS_BEYOND = 4 * USAGE_GROUPS_MAX;

/** Usage as one write transaction counts it. Ends with flush(). */
export class UsageCounters {
  readonly #added = new Map<string, number>();
  /** Sums by period and group, as one number: an object for each event would cost more than the counting. */
  readonly #sums = new Map<number, number[]>();
  #labels: readonly string[] | undefined;
  #gone = emptyLedger.gone;
  #inherited = emptyLedger.inherited;
  #isFlushed = false;
  #hasLedger = false;

  /** `sequence` is the number of the transaction's own commit. */
  constructor(
    private readonly tables: UsageTables,
    private readonly groups: UsageGroups,
    private readonly sequence: number,
  ) {}

  /** Notes content that was counted, and is deleted or replaced. */
  lose(content: Content): void {
    this.#gone = add(this.#gone, content);
  }

  /** Notes content that is stored and not counted, because a fork shares it. */
  inherit(content: Content): void {
    this.#inherited = add(this.#inherited, content);
  }

  add(event: UsageEvent): void {
    const { conversation, figures } = event;
    const place = periodOf(event) * GROUPS_BEYOND + this.#groupOf(conversation);
    let sum = this.#sums.get(place);
    if (!sum) this.#sums.set(place, (sum = usageFigures.map(() => 0)));
    for (let at = 0; at < usageFigures.length; at++) sum[at]! += figures[usageFigures[at]!];
  }

  /** Returns the key of the record that counts an event; its group is added if it is new. */
  keyOf(event: UsageEvent): Buffer {
    return usageKey(periodOf(event), this.#groupOf(event.conversation));
  }

  #groupOf(conversation: Conversation): number {
    if (this.#labels === undefined) {
      this.#labels = labelsIn(readDimensions(this.tables.meta));
      this.groups.refresh(this.tables.usageGroups, this.sequence - 1);
    }
    const plain = this.#labels.length === 0 ? this.groups.plain(conversation) : undefined;
    if (plain !== undefined) return plain;
    return groupedBy(conversation, this.#labels, (group, groupsMax) => this.#group(group, groupsMax));
  }

  flush(): void {
    this.#isFlushed = true;
    this.#flushLedger();
    for (const [place, sum] of this.#sums) {
      const key = usageKey(Math.floor(place / GROUPS_BEYOND), place % GROUPS_BEYOND);
      const record = this.tables.usage.get(key);
      if (record) {
        const reader = new ByteReader(record);
        for (let at = 0; at < sum.length; at++) sum[at]! += reader.varint();
        this.tables.usage.put(key, encodeSums(sum));
      } else this.tables.usage.putNew(key, encodeSums(sum));
    }
  }

  /** Updates the groups in memory after the commit. One that wrote nothing leaves its number to the next. */
  committed(): void {
    if (!this.#isFlushed) return;
    this.groups.follow(this.#added, this.sequence);
    if (this.#hasLedger) this.groups.hasLedger = true;
  }

  #flushLedger(): void {
    const { meta } = this.tables;
    const changes = this.#gone !== emptyLedger.gone || this.#inherited !== emptyLedger.inherited;
    if (this.groups.hasLedger && !changes) return;
    const ledger = readLedger(meta);
    this.#hasLedger = true;
    if (ledger && !changes) return;
    const { gone, inherited, ...others } = ledger ?? begun(this.tables);
    writeLedger(meta, {
      ...others,
      gone: add(gone, this.#gone),
      inherited: add(inherited, this.#inherited),
    });
  }

  /** Returns the number of a group; undefined if there would be more than these. */
  #group(group: UsageGroup, groupsMax: number): number | undefined {
    const text = JSON.stringify(group);
    const known = this.groups.get(text) ?? this.#added.get(text);
    if (known !== undefined) return known;
    const number = this.groups.last + this.#added.size + 1;
    if (number > groupsMax) return undefined;
    this.tables.usageGroups.append(number, Buffer.from(text, 'utf8'));
    this.#added.set(text, number);
    return number;
  }
}

/** Returns the ledger of a vault that has none yet, as of the state and the counters that are stored. */
function begun(tables: UsageTables): UsageLedger {
  return begunLedger(countedBy(tables), readState(tables.meta));
}

/** Returns the sum of all counters. Leaves out what cannot be read. */
export function countedBy({ usage }: Pick<Tables, 'usage'>): Content {
  let sum = emptyLedger.gone;
  for (const { value } of usage.scan()) {
    const figures = value && undefinedIfCorrupt(() => decodeUsage(value));
    if (figures) sum = add(sum, countedIn(figures));
  }
  return sum;
}

/** Periods of usage that are read before other work gets its turn. */
const SLICE = 1000;

/** Reads rows of a range of time, in slices. */
export async function readUsage(
  tables: UsageTables,
  { fromMs, beforeMs, onRow, signal }: UsageQuery,
): Promise<void> {
  const groups = new Map<number, UsageGroup>();
  const clamp = (timeMs: number) => Math.min(2 ** 32 - 1, Math.max(0, Math.floor(timeMs / USAGE_PERIOD_MS)));
  const end = usageKey(clamp(beforeMs + USAGE_PERIOD_MS - 1), 0);
  let start = usageKey(clamp(fromMs), 0);
  for (;;) {
    let seen = 0;
    for (const { key, value } of tables.usage.range({ start, end, limit: SLICE })) {
      const number = key.readUInt32BE(4);
      let group = groups.get(number);
      if (!group) groups.set(number, (group = groupOf(tables, number)));
      const [application, model, tokenizer, labels] = group;
      const timeMs = key.readUInt32BE(0) * USAGE_PERIOD_MS;
      onRow({ timeMs, application, model, tokenizer, labels, figures: decodeUsage(value) });
      start = Buffer.concat([key, Buffer.alloc(1)]);
      seen += 1;
    }
    if (seen < SLICE) return;
    await new Promise(setImmediate);
    signal?.throwIfAborted();
  }
}

function groupOf({ usageGroups }: Pick<Tables, 'usageGroups'>, number: number): UsageGroup {
  const record = usageGroups.get(number);
  if (!record) throw usageGroups.corrupt(number, 'is missing: usage is counted under it');
  return decodeGroup(record);
}

export function decodeGroup(record: Uint8Array): UsageGroup {
  try {
    return JSON.parse(Buffer.from(record).toString('utf8')) as UsageGroup;
  } catch (error) {
    throw new StowkenError('CORRUPT_STORE', 'a group of usage does not decode', {}, { cause: error });
  }
}

export function usageKey(period: number, group: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeUInt32BE(period, 0);
  key.writeUInt32BE(group, 4);
  return key;
}

export function encodeUsage(figures: UsageFigures): Uint8Array {
  return encodeSums(usageFigures.map((figure) => figures[figure]));
}

/** Encodes figures in the order of usageFigures. */
function encodeSums(sums: readonly number[]): Uint8Array {
  const writer = new ByteWriter(32);
  for (const sum of sums) writer.varint(sum);
  return writer.finish();
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeUsage(record: Uint8Array): UsageFigures {
  const reader = new ByteReader(record);
  return Object.fromEntries(
    usageFigures.map((figure) => [figure, reader.varint()]),
  ) as unknown as UsageFigures;
}
