import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/client/index.js';
import { tokenCount, type Corpus } from '../lib/corpus.js';
import { printTable, short } from '../lib/table.js';
import { storePath, storeRequest } from '../lib/wire.js';
import type { Bench } from './bench.js';
import type { Relation } from './database.js';
import { type Cluster, type Kind, withCluster } from './servers.js';

/** Time in which servers fold what stores have added to counts. */
const foldMs = 8_000;
/** Tables and indexes that are shown. */
const shown = 20;
const measured: readonly Kind[] = ['stowken, 1 server', 'gzip JSON, plain SQL', 'stowken, LMDB'];

/** Measures what a corpus takes in the database, stored once, and the write-ahead log of that. */
export async function measureBytes({ core, clients, database }: Bench, corpus: Corpus): Promise<void> {
  const tokens = tokenCount(corpus.conversations);
  const rows: string[][] = [];
  let gzipBytes = 0;
  const parts: Relation[] = [];
  const found: (readonly [string, number, number])[] = [];
  for (const kind of measured) {
    await withCluster(database, kind, async (cluster) => {
      await database.client.query('checkpoint');
      const empty = await bytesOf(cluster, database);
      const before = await database.walBytes();
      const requests = corpus.conversations.map((each) => storeRequest(core, each));
      await clients.run(cluster.addresses, storePath, requests, 64);
      const wal = (await database.walBytes()) - before;
      if (kind.startsWith('stowken, 1')) await sleep(foldMs);
      const after = await bytesOf(cluster, database);
      const bytes = sum(after) - sum(empty);
      if (kind.startsWith('stowken, 1')) parts.push(...lessEmpty(after, empty));
      if (kind.startsWith('gzip')) gzipBytes = bytes;
      found.push([kind, bytes, cluster.schema === undefined ? NaN : wal]);
      if (kind.startsWith('gzip')) return;
      await compact(cluster);
      found.push([`${kind}, compacted`, sum(await bytesOf(cluster, database)) - sum(empty), NaN]);
    });
  }
  for (const [kind, bytes, wal] of found)
    rows.push([
      kind,
      `${short(bytes)}B`,
      (bytes / tokens).toFixed(2),
      (bytes / gzipBytes).toFixed(2),
      Number.isNaN(wal) ? '-' : (wal / tokens).toFixed(2),
    ]);
  printTable(
    `postgres: bytes of ${corpus.name}, ${short(tokens)} tokens in ${corpus.conversations.length} conversations; ` +
      'tables with their indexes after VACUUM FULL, less empty ones, and what LMDB has in use',
    ['', 'bytes', 'a token', 'of gzip JSON', 'WAL a token'],
    rows,
  );
  printTable(
    `postgres: the largest tables and indexes of ${corpus.name}, less empty ones`,
    ['', 'bytes', 'a token'],
    parts.slice(0, shown).map(({ name, bytes }) => [name, `${short(bytes)}B`, (bytes / tokens).toFixed(3)]),
  );
}

async function compact({ addresses }: Cluster): Promise<void> {
  const client = connect({ server: addresses[0]! });
  try {
    for await (const part of client.compactSubstrings()) void part;
  } finally {
    client.close();
  }
  // Replaced frames, and registries, go when nobody reads them any more.
  await sleep(foldMs);
}

async function bytesOf({ schema, addresses }: Cluster, database: Bench['database']): Promise<Relation[]> {
  if (schema !== undefined) return database.tableBytes(schema);
  const client = connect({ server: addresses[0]! });
  try {
    const { conversations, inUseBytes } = await client.stats();
    return [{ name: 'in use', bytes: conversations === 0 ? 0 : inUseBytes }];
  } finally {
    client.close();
  }
}

function sum(relations: readonly Relation[]): number {
  return relations.reduce((total, { bytes }) => total + bytes, 0);
}

function lessEmpty(after: readonly Relation[], empty: readonly Relation[]): Relation[] {
  const before = new Map(empty.map(({ name, bytes }) => [name, bytes]));
  const grown = after.map(({ name, bytes }) => ({ name, bytes: bytes - (before.get(name) ?? 0) }));
  return grown.sort((one, other) => other.bytes - one.bytes);
}
