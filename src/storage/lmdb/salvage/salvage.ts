import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { LiveCodec } from '../../../codec/index.js';
import { isStowkenError, StowkenError } from '../../../model/index.js';
import { isOwned, lockedFolder } from '../../shared/folder-lock.js';
import {
  checkMarker,
  makeFolder,
  type Marker,
  readMarker,
  syncFolder,
  writeMarker,
} from '../../shared/vault-folder.js';
import { PageFile } from '../data-file/page-file.js';
import { openLmdbBackend } from '../open.js';
import { dataFileIn, Environment } from '../tables/environment.js';
import { FORMAT_VERSION, FORMATS, KIND } from '../tables/layout.js';
import { type Copied, copyRecords } from './copy-records.js';
import { type Mended, mendVault } from './mend-vault.js';
import { TableReader } from './read-tables.js';
import type { SalvageReport } from './report.js';

/** Folder in which the new vault is made before it is moved up to its own folder. */
const WORKSHOP = 'salvaging';

export interface SalvageOptions {
  /** The damaged vault; only read. */
  readonly from: string;
  /** Empty or missing. */
  readonly to: string;
  /** Creates a codec for each use: one salvages, one checks. */
  readonly codec: () => LiveCodec;
  readonly nowMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Makes a consistent vault of the readable content of a damaged one, and reports the losses. Ids, times,
 * revisions, metadata, frames and registries stay the same. LMDB never opens the damaged file.
 * @throws StowkenError STORE_LOCKED, STORE_VERSION, CORRUPT_STORE if there is no data file at all, and
 * INVALID_FIELD if the folder is not empty; it is then unchanged
 */
export async function salvageLmdb({
  from,
  to,
  codec,
  nowMs,
  signal,
}: SalvageOptions): Promise<SalvageReport> {
  const marker = await markerOf(from);
  if (await isOwned(from)) throw lockedFolder(from);
  const file = openSource(from);
  try {
    const folder = resolve(to);
    await makeFolder(folder);
    const workshop = join(folder, WORKSHOP);
    if ((await readdir(folder)).some((name) => name !== WORKSHOP)) {
      const message = `${folder} is not empty: what is salvaged goes to a new folder`;
      throw new StowkenError('INVALID_FIELD', message, { field: 'to' });
    }
    await rm(workshop, { recursive: true, force: true });
    await mkdir(workshop);
    try {
      const report = await makeVault(workshop, file, marker, { codec, nowMs, signal });
      await rename(dataFileIn(workshop), dataFileIn(folder));
      await writeMarker(folder, { kind: KIND, format: FORMAT_VERSION, vaultId: report.vaultId });
      await syncFolder(folder);
      return report;
    } finally {
      await rm(workshop, { recursive: true, force: true });
    }
  } finally {
    file.close();
  }
}

/** A damaged marker is ignored; it is not a reason to give up. */
async function markerOf(folder: string): Promise<Marker | undefined> {
  try {
    const marker = await readMarker(folder);
    if (marker) checkMarker(marker, KIND, FORMATS, folder);
    return marker;
  } catch (error) {
    if (isStowkenError(error, 'CORRUPT_STORE')) return undefined;
    throw error;
  }
}

function openSource(folder: string): PageFile {
  try {
    return PageFile.open(dataFileIn(folder));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new StowkenError('CORRUPT_STORE', `there is no data file in ${folder}: nothing can be salvaged`);
  }
}

async function makeVault(
  workshop: string,
  file: PageFile,
  marker: Marker | undefined,
  { codec, nowMs, signal }: Pick<SalvageOptions, 'codec' | 'nowMs'> & { signal: AbortSignal | undefined },
): Promise<SalvageReport> {
  const reader = new TableReader(file);
  const environment = await Environment.open(workshop, { sync: true });
  let copied: Copied;
  let mended: Mended;
  try {
    copied = await copyRecords(reader.records(), environment, signal);
    mended = await mendVault(environment, codec(), copied, marker?.vaultId, nowMs);
  } finally {
    await environment.close();
  }
  const backend = await openLmdbBackend({ folder: workshop, codec: codec(), clock: () => nowMs });
  try {
    const violations = await backend.check(signal ? { signal } : {});
    return {
      vaultId: backend.vaultId,
      stats: await backend.stats(),
      lost: { ...mended.lost, pages: reader.lost, records: Object.fromEntries(copied.records) },
      orphaned: { conversations: mended.orphans, records: Object.fromEntries(copied.orphaned) },
      violations,
    };
  } finally {
    await backend.close();
  }
}
