import { randomBytes } from 'node:crypto';
import { StowkenError } from '../../model/index.js';
import { gateRows } from './commit/lookup.js';
import type { Database } from './database/database.js';
import { bytes, int, type Statement } from './database/driver.js';
import { constraintOf } from './database/failures.js';
import { findPresent } from './leases/presence.js';
import { partitionedTables } from './schema/layout.js';
import { gateNumber } from './schema/kinds.js';

const findVault: Statement = {
  name: 'vault_find',
  text: 'select p, vault_id, record from vault where name = $1',
};
const listVaults: Statement = { name: 'vault_list', text: 'select name from vault order by name' };
const insertVault: Statement = {
  name: 'vault_insert',
  text: `insert into vault (p, created, vault_id, name, record)
    select coalesce(max(p) + $5::int4, 1), $1::int8, $2::bytea, $3::bytea, $4::bytea from vault`,
};
const writeRecord: Statement = {
  name: 'vault_record',
  text: 'update vault set record = $2 where name = $1 returning p',
};
const renameVault: Statement = {
  name: 'vault_rename',
  text: 'update vault set name = $2, record = null where name = $1 returning p',
};
const insertTotals: Statement = {
  name: 'vault_totals',
  text: `insert into totals (p, clock, convs, msgs, toks, segs, utoks, bytes, lists)
    values ($1, 1, 0, 0, 0, 0, 0, 0, 0)`,
};
const insertGate: Statement = {
  name: 'vault_gate',
  text: `insert into gate (p, ${gateNumber}, ep) select $1::int, g, 0 from unnest($2::int4[]) g`,
};

/** A vault of a database: its first partition of rows, and its record, if it has one. */
export interface DatabaseVault {
  readonly p: number;
  readonly vaultId: string;
  readonly record: string | undefined;
}

/** The vaults of a database. */
export class DatabaseVaults {
  constructor(
    private readonly database: Database,
    /** Partitions of each vault. */
    private readonly partitions: number,
  ) {}

  async find(name: string): Promise<DatabaseVault | undefined> {
    const [row] = await this.database.query(findVault, [Buffer.from(name)]);
    if (!row) return undefined;
    const record = row['record'] === null ? undefined : bytes(row['record']).toString();
    return { p: int(row['p']), vaultId: bytes(row['vault_id']).toString('hex'), record };
  }

  /** Names of all vaults, sorted. */
  async list(): Promise<string[]> {
    const rows = await this.database.query(listVaults);
    return rows.map(({ name }) => bytes(name).toString()).filter((name) => !name.startsWith(gonePrefix));
  }

  /** Resolves to true if another process has the vault open, or was killed in the last 40 seconds. */
  async isOpen(name: string): Promise<boolean> {
    const found = await this.find(name);
    return found !== undefined && (await this.database.query(findPresent, [found.p])).length > 0;
  }

  /** Returns false if there is a vault of this name. */
  async create(name: string, record?: string): Promise<boolean> {
    for (;;) {
      if (await this.find(name)) return false;
      try {
        await this.database.transact(async (transaction) => {
          const values = [Date.now(), randomBytes(16), Buffer.from(name)];
          const own = record === undefined ? null : Buffer.from(record);
          await transaction.query(insertVault, [...values, own, this.partitions]);
          const [row] = await transaction.query(findVault, [Buffer.from(name)]);
          for (const p of this.#partitionsFrom(int(row?.['p']))) {
            transaction.send(insertTotals, [p]);
            transaction.send(insertGate, [p, Array.from({ length: gateRows }, (_, g) => g)]);
          }
        });
        return true;
      } catch (error) {
        // Another server created it, or another vault, at the same moment.
        if (constraintOf(error) === undefined) throw error;
      }
    }
  }

  /** @throws StowkenError VAULT_NOT_FOUND */
  async write(name: string, record: string): Promise<void> {
    const rows = await this.database.query(writeRecord, [Buffer.from(name), Buffer.from(record)]);
    if (rows.length === 0) throw vaultGone(name);
  }

  /**
   * Deletes a vault with all of its rows. Its partitions are not used again: a server that still has it open
   * finds no gate, and stores nothing.
   */
  async remove(name: string): Promise<void> {
    const gone = Buffer.from(`${gonePrefix}${randomBytes(8).toString('hex')}`);
    const first = await this.database.transact(async (transaction) => {
      const [row] = await transaction.query(renameVault, [Buffer.from(name), gone]);
      if (row) for (const p of this.#partitionsFrom(int(row['p']))) transaction.send(rowsOf('gate'), [p]);
      return row && int(row['p']);
    });
    if (first === undefined) return;
    // The clock, by which a server learns that the vault is gone, goes last of all partitions' rows.
    for (const p of this.#partitionsFrom(first).reverse())
      for (const table of partitionedTables)
        await this.database.transact((transaction) => transaction.query(rowsOf(table), [p]), { long: true });
  }

  #partitionsFrom(first: number): number[] {
    return Array.from({ length: this.partitions }, (_, index) => first + index);
  }
}

/** Names of vaults do not begin like this. */
const gonePrefix = '\0';

function rowsOf(table: (typeof partitionedTables)[number]): Statement {
  return { name: `vault_delete_${table}`, text: `delete from ${table} where p = $1` };
}

export function vaultGone(name: string): StowkenError {
  return new StowkenError('VAULT_NOT_FOUND', `there is no vault ${JSON.stringify(name)}`, {
    resource_type: 'vault',
    resource_name: name,
  });
}
