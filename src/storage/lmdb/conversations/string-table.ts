import { assert, StowkenError } from '../../../model/index.js';
import { STRING_BYTES_MAX, STRINGS_MAX, SPEAKER_STRINGS_MAX } from '../tables/layout.js';
import type { Table } from '../tables/table.js';
import type { StringCode } from '../tables/ids.js';

/** Use of a string: there may be many speakers' names, which must leave room for the others. */
export type StringKind = 'label' | 'speaker';

/** Codes of the strings that records name by number. */
export interface StringCodes {
  /** Undefined if it has no code and is stored where it is used. */
  codeOf(name: string, kind: StringKind): StringCode | undefined;
}

/** Strings that many records share, in memory; they are few and never removed. */
export class StringTable implements StringCodes {
  readonly #codes = new Map<string, StringCode>();
  readonly #names: string[] = [''];

  constructor(private readonly table: Table<number>) {
    this.refresh();
  }

  codeOf(name: string): StringCode | undefined {
    return this.#codes.get(name);
  }

  /** @throws StowkenError CORRUPT_STORE */
  stringOf(code: StringCode): string {
    // Another process may have added it.
    if (code >= this.#names.length) this.refresh();
    return this.loadedString(code);
  }

  /**
   * Returns a string that is loaded already. Inside a write transaction none may be loaded: those that it
   * added would stay here if it is aborted.
   * @throws StowkenError CORRUPT_STORE
   */
  loadedString(code: StringCode): string {
    const name = this.#names[code];
    if (name === undefined || code === 0) throw new StowkenError('CORRUPT_STORE', `there is no name ${code}`);
    return name;
  }

  /** True if all strings with a code below this one are loaded. */
  reach(nextCode: number): boolean {
    return this.#names.length >= nextCode;
  }

  /** Drops everything, to load it again. */
  clear(): void {
    this.#codes.clear();
    this.#names.length = 1;
  }

  /** Loads the strings committed since. */
  refresh(): void {
    for (const { key, value } of this.table.range({ start: this.#names.length })) {
      const name = Buffer.from(value).toString('utf8');
      this.#names[key] = name;
      this.#codes.set(name, key as StringCode);
    }
  }
}

/** Strings as one write transaction sees them; new strings get codes. */
export class StringTableWriter implements StringCodes {
  readonly #added = new Map<string, StringCode>();
  readonly #addedNames = new Map<StringCode, string>();

  constructor(
    private readonly table: Table<number>,
    private readonly names: StringTable,
    public nextCode: number,
  ) {
    // Nothing is written yet: these are committed.
    if (!names.reach(nextCode)) names.refresh();
  }

  /** True if strings were added. */
  get changed(): boolean {
    return this.#added.size > 0;
  }

  codeOf(name: string, kind: StringKind): StringCode | undefined {
    const known = this.names.codeOf(name) ?? this.#added.get(name);
    const codesMax = kind === 'speaker' ? SPEAKER_STRINGS_MAX : STRINGS_MAX;
    if (known !== undefined || this.nextCode > codesMax || Buffer.byteLength(name) > STRING_BYTES_MAX)
      return known;
    const code = this.nextCode++ as StringCode;
    assert(code > 0, 'codes begin at 1', code);
    this.table.append(code, Buffer.from(name, 'utf8'));
    this.#added.set(name, code);
    this.#addedNames.set(code, name);
    return code;
  }

  /** @throws StowkenError CORRUPT_STORE */
  stringOf(code: StringCode): string {
    // Strings of this transaction stay here until it is committed: it may be rolled back.
    return this.#addedNames.get(code) ?? this.names.loadedString(code);
  }
}
