import { countOf } from '../../../model/index.js';
import type { CheckedPart, CheckPartQuery, CheckPosition, Damage } from '../../contract/checks.js';
import { decodeDirectory } from '../conversations/block-directory.js';
import { decodeManifest } from '../conversations/conversations.js';
import { segmentsNamed } from '../conversations/message-list.js';
import { tableFormats, type TableFormat } from '../inspect/table-formats.js';
import type { OpenVault } from '../open-vault.js';
import { decodePack, idAt } from '../packs/pack.js';
import { SegmentReader, trustsDamagedPacks } from '../packs/segment-reader.js';
import type { SegmentFinder } from '../segments/segment-finder.js';
import { tableKeys, type TableName } from '../tables/table-keys.js';
import type { Found, Table } from '../tables/table.js';
import type { SegmentId } from '../tables/ids.js';
import { guarded, type Report } from './check-report.js';

const tableNames = Object.keys(tableKeys) as TableName[];

/**
 * Checks the records that follow a position, table by table, in one synchronous stretch, which sees one
 * state:
 * 1. Every record has its checksum and decodes.
 * 2. Every frame of a pack decodes, has the tokens that are kept of it, and is indexed under its hash.
 * 3. Every block and segment that a conversation or a block names is stored.
 * It pins nothing between two parts: records that are added or removed meanwhile may be left out.
 */
export function checkPart(vault: OpenVault, query: CheckPartQuery): CheckedPart {
  vault.assertOpen();
  return new PartCheck(vault).run(query);
}

class PartCheck {
  readonly #damage: Damage[] = [];
  readonly #finder: SegmentFinder;
  #records = 0;
  #bytes = 0;
  /** Position of the last record that was checked. */
  #position: CheckPosition;

  constructor(private readonly vault: OpenVault) {
    this.#finder = vault.finder();
    this.#position = positionAt(tableNames[0]!);
  }

  run({ after, bytesMax, recordsMax = Infinity }: CheckPartQuery): CheckedPart {
    const start = placeOf(after);
    for (const name of tableNames.slice(tableNames.indexOf(start.table))) {
      const from = name === start.table ? start.key : undefined;
      this.#position = positionAt(name, from);
      // A range that ends too early, on a damaged page, is left for the next table.
      guarded(this.#report, 'record', name, () => {
        for (const found of this.#table(name).scan(from === undefined ? {} : { start: from })) {
          if (from !== undefined && isSame(found.key, from)) continue;
          this.#look(name, found);
          this.#position = positionAt(name, found.key);
          if (this.#bytes >= bytesMax || this.#records >= recordsMax) return;
        }
      });
      if (this.#bytes >= bytesMax || this.#records >= recordsMax) return this.#result(this.#position);
    }
    return this.#result(undefined);
  }

  #result(next: CheckPosition | undefined): CheckedPart {
    return { records: this.#records, bytes: this.#bytes, damage: this.#damage, next };
  }

  #table(name: TableName): Table<number | Buffer> {
    return this.vault.tables[name];
  }

  readonly #report: Report = (invariant, subject, detail) => {
    this.#damage.push({ invariant, subject, detail, before: this.#position });
  };

  #look(name: TableName, found: Found<number | Buffer>): void {
    this.#records += 1;
    const { key, damage } = found;
    const format = tableFormats[name] as TableFormat<number | Buffer>;
    const subject = `${name} ${format.keyOf(key)}`;
    if (name === 'packs') return this.#pack(Number(key), found);
    if (damage) return this.#report('record', subject, damage.message);
    const value = Buffer.from(found.value);
    this.#bytes += value.length;
    guarded(this.#report, 'record', subject, () => {
      format.decode(key, value, this.vault.nameOf);
      if (name === 'conversations') this.#conversation(subject, value);
      if (name === 'messageBlocks') this.#segments(subject, value);
    });
  }

  /** Checks the frames of a pack one by one, also if the pack does not have its checksum. */
  #pack(key: number, { value, damage }: Found<number | Buffer>): void {
    if (damage) this.#report('pack-checksum', `pack ${key}`, damage.message);
    const { packs } = this.vault.tables;
    const reader = new SegmentReader(this.vault.tables, trustsDamagedPacks);
    guarded(this.#report, 'pack', `pack ${key}`, () => {
      const record = value ?? packs.unchecked(key)?.value ?? new Uint8Array(0);
      this.#bytes += record.length;
      const { firstId, continues, entries } = decodePack(key, record);
      // A frame that only ends here is checked where it begins.
      for (let index = continues ? 1 : 0; index < entries.length; index += 1)
        this.#frame(idAt({ firstId }, index), reader);
    });
  }

  #frame(id: SegmentId, reader: SegmentReader): void {
    const { codec } = this.vault.shared;
    const subject = `segment ${id}`;
    guarded(this.#report, 'frame', subject, () => {
      const size = reader.size(id);
      if (!size) return;
      const frame = reader.frame(id);
      const { tokenCount } = codec.decode(frame);
      if (tokenCount !== size.tokenCount)
        this.#report(
          'frame',
          subject,
          `${countOf(tokenCount, 'token')}, not the ${size.tokenCount} that are kept`,
        );
      if (!this.#finder.isIndexed(codec.hashOf(frame), id))
        this.#report('hash-index', subject, 'it is not indexed under the hash of its tokens');
    });
  }

  #conversation(subject: string, record: Uint8Array): void {
    const { list } = decodeManifest(record, this.vault.nameOf);
    for (const { id } of decodeDirectory(list.directory)) {
      if (this.vault.tables.messageBlocks.floorKey(id) !== id)
        this.#report('message-blocks', subject, `names block ${id}, which is not stored`);
    }
    this.#segments(subject, list.tail);
  }

  #segments(subject: string, list: Uint8Array): void {
    for (const id of segmentsNamed(list)) {
      if (this.#finder.references(id) === undefined)
        this.#report('manifest-segments', subject, `names segment ${id}, which is not stored`);
    }
  }
}

/** Returns the position of a record, or that before the first one of a table. */
function positionAt(table: TableName, key?: number | Buffer): CheckPosition {
  const text = key === undefined ? '' : typeof key === 'number' ? String(key) : key.toString('hex');
  return `${table}:${text}` as CheckPosition;
}

interface Place {
  readonly table: TableName;
  readonly key: number | Buffer | undefined;
}

/** Reads a position; one that this version cannot have made is the beginning. */
function placeOf(position: CheckPosition | undefined): Place {
  const [, name = '', text = ''] = /^(\w+):([0-9a-f]*)$/.exec(position ?? '') ?? [];
  const table = tableNames.find((each) => each === name);
  if (table === undefined) return { table: tableNames[0]!, key: undefined };
  if (text === '') return { table, key: undefined };
  return { table, key: tableKeys[table] === 'u32' ? Number(text) : Buffer.from(text, 'hex') };
}

function isSame(one: number | Buffer, other: number | Buffer): boolean {
  return typeof one === 'number' || typeof other === 'number' ? one === other : one.equals(other);
}
