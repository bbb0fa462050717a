/** A kind of records, with what is stored of it. */
export interface InspectedTable {
  readonly name: string;
  /** Content of a record, in a few words. */
  readonly what: string;
  readonly records: number;
  /** Bytes of the values. */
  readonly bytes: number;
  /** Records that do not have their checksum, or do not decode. */
  readonly damaged: number;
}

/** A record as it is stored, and its meaning. */
export interface InspectedRecord {
  readonly table: string;
  readonly key: string;
  /** The stored value, without its checksum. */
  readonly raw: Uint8Array;
  /** Decoded by the store's own decoder; undefined if that fails. */
  readonly value: unknown;
  /** Fault of the record; undefined for a whole one. */
  readonly damage: string | undefined;
  /** True if it was found on a page that nothing leads to: it may be of an older state. */
  readonly orphaned: boolean;
}

/** Entry of a record that has many: `key` is what a person looks for. */
export interface InspectedEntry {
  readonly key: string | number;
}

/** The records of a vault that no server has open. Nothing is written, and no damage ends the process. */
export interface Inspection {
  readonly storage: string;
  /** Names of all tables, in the order of the format's description. */
  readonly tables: readonly string[];
  /** Reads every record. */
  summary(): Promise<InspectedTable[]>;
  /**
   * Yields the records of a table; with a key, those that are stored under it, or have an entry of this key,
   * without their other entries.
   */
  records(table: string, key?: string): AsyncIterable<InspectedRecord>;
  /** Damage so far that is not in a record: pages and files that cannot be read. */
  damage(): readonly string[];
  close(): void;
}

/** Narrows a record to the entries with a key. Returns undefined if it is another one's. */
export function matching(
  record: InspectedRecord,
  wanted: string,
  aliases: readonly string[] = [],
): InspectedRecord | undefined {
  const { value } = record;
  const entries = (value as { readonly entries?: readonly InspectedEntry[] } | undefined)?.entries;
  if (entries === undefined) return [record.key, ...aliases].includes(wanted) ? record : undefined;
  const found = entries.filter(({ key }) => String(key) === wanted);
  return found.length > 0 ? { ...record, value: { ...(value as object), entries: found } } : undefined;
}
