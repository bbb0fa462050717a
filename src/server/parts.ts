import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import { AuditFile, type AuditFigures, type AuditSink, type AuditSource, noAudit } from '../audit/index.js';
import type { ServeOptions } from '../cli/index.js';
import { loadCore, type TokenCore } from '../core/index.js';
import { certificateEndMs } from '../identity/index.js';
import { ServerMetrics } from '../metrics/index.js';
import { makeFolder, openPostgresStore, type PostgresStore } from '../storage/index.js';
import { type GivenTokenizer, readTokenizer } from '../text/index.js';
import {
  DatabaseCatalogue,
  FolderCatalogue,
  FreeDisk,
  MemoryCatalogue,
  spaceOf,
  type VaultCatalogue,
} from '../vaults/index.js';

/** Figures of a file system that cannot be asked. */
const nowhere = { bavail: 0, bsize: 0 };

/** Parts of a server that its vaults share. */
export interface ServerParts {
  /** Version of the package. */
  readonly version: string;
  readonly options: ServeOptions;
  readonly logger: Logger;
  readonly catalogue: VaultCatalogue;
  readonly core: TokenCore;
  /** The database with the vaults; undefined unless they are in one. */
  readonly store: PostgresStore | undefined;
  /** Undefined if vaults are in memory, or in a database. */
  readonly disk: FreeDisk | undefined;
  readonly audit: Audit;
  readonly metrics: ServerMetrics | undefined;
  /** Tokenizers beside those that come with the program. */
  readonly givenTokenizers: readonly GivenTokenizer[];
}

/** True if the vaults are in a folder of this machine. */
export function hasFolder({ storage }: Pick<ServeOptions, 'storage'>): boolean {
  return storage === 'lmdb' || storage === 'filesystem';
}

function catalogueOf({ storage, dataDir }: ServeOptions, store: PostgresStore | undefined): VaultCatalogue {
  if (store) return new DatabaseCatalogue(store);
  return storage === 'memory' ? new MemoryCatalogue() : new FolderCatalogue(dataDir);
}

/** Opens the parts that a server's vaults share. If one fails, those before it are closed. */
export async function openParts(
  options: ServeOptions,
  logger: Logger,
  version: string,
  metrics: ServerMetrics | undefined,
): Promise<ServerParts> {
  const store = options.database === undefined ? undefined : await openPostgresStore(options.database);
  const core = await loadCore();
  const givenTokenizers = await readTokenizers(options, logger);
  const disk = await openFreeDisk(options, logger);
  try {
    const audit = await openAudit(options, logger);
    watchDisk(metrics, disk);
    watchAudit(metrics, audit);
    const catalogue = catalogueOf(options, store);
    return { version, options, logger, catalogue, store, core, disk, audit, metrics, givenTokenizers };
  } catch (error) {
    disk?.close();
    await store?.close();
    throw error;
  }
}

/** Reads one after the other: each takes up to some hundred MB meanwhile. */
async function readTokenizers({ tokenizers }: ServeOptions, logger: Logger): Promise<GivenTokenizer[]> {
  const given: GivenTokenizer[] = [];
  for (const source of tokenizers) {
    const tokenizer = await readTokenizer(source);
    const { name, size, sha256 } = tokenizer;
    logger.info({ tokenizer: name, file: source.path, tokens: size, sha256 }, 'tokenizer read');
    given.push(tokenizer);
  }
  return given;
}

/** Opens the port for metrics before anything else: it says that the server is starting. */
export async function openMetrics(
  { storage, dataDir, tls, metrics: listen }: ServeOptions,
  logger: Logger,
  version: string,
): Promise<ServerMetrics | undefined> {
  if (listen === undefined) return undefined;
  const metrics = await ServerMetrics.open(listen, logger);
  const labels = { version, node: process.version, storage };
  metrics.own.add((samples) => samples.set('stowken_build_info', labels, 1));
  metrics.own.add(async (samples) => {
    const { bavail, bsize } = hasFolder({ storage }) ? await statfs(dataDir).catch(() => nowhere) : nowhere;
    if (bsize > 0) samples.set('stowken_disk_free_bytes', {}, bavail * bsize);
    const endMs = tls && (await certificateEndMs(tls));
    if (endMs !== undefined)
      samples.set('stowken_tls_certificate_expiry_timestamp_seconds', {}, endMs / 1000);
  });
  return metrics;
}

/** Watches the disk of the data folder. */
async function openFreeDisk(options: ServeOptions, logger: Logger): Promise<FreeDisk | undefined> {
  if (!hasFolder(options)) return undefined;
  return FreeDisk.open({
    floor: options.minFreeDiskBytes,
    read: () => spaceOf(options.dataDir),
    onChange: ({ isLow, ...state }) => {
      if (isLow) logger.error(state, 'the disk is nearly full: nothing new is stored until there is room');
      else logger.info(state, 'the disk has room again: new content is stored');
    },
  });
}

function watchDisk(metrics: ServerMetrics | undefined, disk: FreeDisk | undefined): void {
  if (disk === undefined) return;
  metrics?.own.add((samples) => {
    const { floorBytes, isLow } = disk.state;
    samples.set('stowken_disk_floor_bytes', {}, floorBytes);
    samples.set('stowken_disk_refuses_stores', {}, isLow ? 1 : 0);
  });
}

function watchAudit(metrics: ServerMetrics | undefined, audit: Audit): void {
  const { figures: first } = audit;
  if (first === undefined) return;
  metrics?.own.add((samples) => {
    const { waiting, lost, failures } = audit.figures ?? first;
    samples.set('stowken_audit_waiting_events', {}, waiting);
    samples.set('stowken_audit_lost_events_total', {}, lost);
    samples.set('stowken_audit_write_failures_total', {}, failures);
  });
}

/** The audit log of the server, or that of one that keeps none. */
type Audit = AuditSink &
  AuditSource & {
    /** Undefined if there is no log. */
    readonly figures?: AuditFigures;
    close(): Promise<void>;
  };

async function openAudit({ audit }: ServeOptions, logger: Logger): Promise<Audit> {
  if (audit === undefined) return { ...noAudit, close: async () => undefined };
  await makeFolder(dirname(audit.file));
  return AuditFile.open({
    ...audit,
    onError: (error) => logger.error({ err: error }, 'the audit log cannot be written; its events wait'),
  });
}
