import { StowkenError } from '../../../model/index.js';
import { STRING_BYTES_MAX, STRINGS_MAX, SPEAKER_STRINGS_MAX } from '../tables/layout.js';
import type { Table } from '../tables/table.js';

/** What a name is for: speakers' names may be many, and leave room for the others. */
export type StringKind = 'label' | 'speaker';

/** Codes of strings that records name by number. */
export interface StringCodes {
  /** Undefined: it has none, and the string is stored where it is used. */
  codeOf(name: string, kind: StringKind): number | undefined;
}

/** The strings that many records share, in memory; they are few and are never taken away. */
export class StringTable implements StringCodes {
  readonly #codes = new Map<string, number>();
  readonly #names: string[] = [''];

  constructor(private readonly table: Table<number>) {
    this.refresh();
  }

  codeOf(name: string): number | undefined {
    return this.#codes.get(name);
  }

  /** @throws StowkenError CORRUPT_STORE */
  stringOf(code: number): string {
    // Another process may have added it.
    if (code >= this.#names.length) this.refresh();
    const name = this.#names[code];
    if (name === undefined || code === 0) throw new StowkenError('CORRUPT_STORE', `there is no name ${code}`);
    return name;
  }

  /** Whether all are here that have a code below this one. */
  reach(nextCode: number): boolean {
    return this.#names.length >= nextCode;
  }

  /** Takes over what has been committed since. */
  refresh(): void {
    for (const { key, value } of this.table.range({ start: this.#names.length })) {
      const name = Buffer.from(value).toString('utf8');
      this.#names[key] = name;
      this.#codes.set(name, key);
    }
  }
}

/** Names as one write transaction sees them, which gives codes to those that are new. */
export class StringTableWriter implements StringCodes {
  readonly #added = new Map<string, number>();
  readonly #addedNames = new Map<number, string>();

  constructor(
    private readonly table: Table<number>,
    private readonly names: StringTable,
    public nextCode: number,
  ) {
    if (!names.reach(nextCode)) names.refresh();
  }

  /** Whether names were added. */
  get changed(): boolean {
    return this.#added.size > 0;
  }

  codeOf(name: string, kind: StringKind): number | undefined {
    const known = this.names.codeOf(name) ?? this.#added.get(name);
    const codesMax = kind === 'speaker' ? SPEAKER_STRINGS_MAX : STRINGS_MAX;
    if (known !== undefined || this.nextCode > codesMax || Buffer.byteLength(name) > STRING_BYTES_MAX)
      return known;
    const code = this.nextCode++;
    this.table.append(code, Buffer.from(name, 'utf8'));
    this.#added.set(name, code);
    this.#addedNames.set(code, name);
    return code;
  }

  /** @throws StowkenError CORRUPT_STORE */
  stringOf(code: number): string {
    // Those of this transaction stay here until it is committed: it may be rolled back.
    return this.#addedNames.get(code) ?? this.names.stringOf(code);
  }
}
