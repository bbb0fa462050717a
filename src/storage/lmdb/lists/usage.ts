import { StowkenError } from '../../../model/index.js';
import { type UsageFigures, usageFigures, type UsageQuery } from '../../contract/usage.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import {
  addUsage,
  labelledBy,
  noUsage,
  periodOf,
  USAGE_GROUPS_MAX,
  USAGE_PERIOD_MS,
  type UsageEvent,
} from '../../shared/usage.js';
import type { Tables } from '../tables/environment.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { labelsIn, readDimensions } from './dimensions.js';

type UsageTables = Pick<Tables, 'meta' | 'usage' | 'usageGroups'>;

/** Conversations that are counted together: application, model, tokenizer, labels. */
export type UsageGroup = readonly [string, string, string, Readonly<Record<string, string>>];

/** Numbers of the groups that are committed, in memory; loaded when something is counted. */
export class UsageGroups {
  readonly #numbers = new Map<string, number>();

  clear(): void {
    this.#numbers.clear();
  }

  /** Loads the groups that were added since. */
  refresh(table: Tables['usageGroups']): void {
    for (const { key, value } of table.range({ start: this.#numbers.size + 1 }))
      this.#numbers.set(Buffer.from(value).toString('utf8'), key);
  }

  get size(): number {
    return this.#numbers.size;
  }

  get(text: string): number | undefined {
    return this.#numbers.get(text);
  }
}

/** Usage as one write transaction counts it. Ends with flush(). */
export class UsageCounters {
  readonly #added = new Map<string, number>();
  readonly #sums = new Map<string, { key: Buffer; figures: UsageFigures }>();
  #labels: readonly string[] | undefined;

  constructor(
    private readonly tables: UsageTables,
    private readonly groups: UsageGroups,
  ) {}

  add({ conversation, figures }: UsageEvent): void {
    if (this.#labels === undefined) {
      this.#labels = labelsIn(readDimensions(this.tables.meta));
      this.groups.refresh(this.tables.usageGroups);
    }
    const { application, model, tokenizer } = conversation;
    const labels = labelledBy(conversation, this.#labels);
    const group =
      this.#group([application, model, tokenizer, labels]) ??
      this.#group([application, model, tokenizer, {}])!;
    const key = usageKey(periodOf(conversation), group);
    const name = key.toString('hex');
    const before = this.#sums.get(name)?.figures ?? noUsage;
    this.#sums.set(name, { key, figures: addUsage(before, figures) });
  }

  flush(): void {
    for (const { key, figures } of this.#sums.values()) {
      const record = this.tables.usage.get(key);
      const sum = record ? addUsage(decodeUsage(record), figures) : figures;
      if (record) this.tables.usage.put(key, encodeUsage(sum));
      else this.tables.usage.putNew(key, encodeUsage(sum));
    }
  }

  /** Returns the number of a group; undefined if there are too many to count its labels apart. */
  #group(group: UsageGroup): number | undefined {
    const text = JSON.stringify(group);
    const known = this.groups.get(text) ?? this.#added.get(text);
    if (known !== undefined) return known;
    const number = this.groups.size + this.#added.size + 1;
    if (number > USAGE_GROUPS_MAX && Object.keys(group[3]).length > 0) return undefined;
    this.tables.usageGroups.append(number, Buffer.from(text, 'utf8'));
    this.#added.set(text, number);
    return number;
  }
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

/** Removes counters that cannot be read, or whose group is lost: what they counted is known nowhere else. */
export function mendUsage({ usage, usageGroups }: Pick<Tables, 'usage' | 'usageGroups'>): void {
  for (const number of [...usageGroups.keys()]) {
    const group = undefinedIfCorrupt(() => groupOf({ usageGroups }, number));
    // Numbers follow each other: the place of a lost group is kept.
    if (!group) usageGroups.put(number, Buffer.from(JSON.stringify(['', '', '', { '': String(number) }])));
  }
  const last = usageGroups.lastKey() ?? 0;
  for (const key of [...usage.keys()]) {
    const figures = undefinedIfCorrupt(() => decodeUsage(usage.get(key) ?? new Uint8Array(0)));
    if (!figures || key.length !== 8 || key.readUInt32BE(4) > last) usage.remove(key);
  }
}

export function usageKey(period: number, group: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeUInt32BE(period, 0);
  key.writeUInt32BE(group, 4);
  return key;
}

export function encodeUsage(figures: UsageFigures): Uint8Array {
  const writer = new ByteWriter(32);
  for (const figure of usageFigures) writer.varint(figures[figure]);
  return writer.finish();
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeUsage(record: Uint8Array): UsageFigures {
  const reader = new ByteReader(record);
  return Object.fromEntries(
    usageFigures.map((figure) => [figure, reader.varint()]),
  ) as unknown as UsageFigures;
}
