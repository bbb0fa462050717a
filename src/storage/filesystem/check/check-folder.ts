import { belongsToServer } from '../../shared/vault-folder.js';
import { readOrRefuse } from '../disk/disk.js';
import { isOwnerFile } from '../layout/owner-files.js';
import {
  journalNumber,
  MANIFESTS,
  REGISTRIES,
  REQUESTS,
  SEGMENTS,
  TEMPORARY,
  VAULT_FILE,
} from '../layout/paths.js';
import { decodeVault } from '../layout/records.js';
import type { CheckedVault, Findings } from './findings.js';

const folders: ReadonlySet<string> = new Set([SEGMENTS, MANIFESTS, REGISTRIES, REQUESTS, TEMPORARY]);

/** Files in a vault's folder that are made by file systems. */
const foreignFiles: ReadonlySet<string> = new Set(['lost+found']);

/** Checks the folder itself, and the record of the vault as a whole. */
export async function checkFolder({ disk, vaultId, index }: CheckedVault, findings: Findings): Promise<void> {
  for (const { name, isFolder } of await disk.list('')) {
    const isFile = name === VAULT_FILE || journalNumber(name) !== undefined || isOwnerFile(name);
    const isKnown = isFolder ? folders.has(name) : isFile;
    if (!isKnown && !foreignFiles.has(name) && !belongsToServer(name)) findings.stray(name);
  }
  for (const { name } of await disk.list(TEMPORARY)) findings.stray(`${TEMPORARY}/${name}`);
  const report = (detail: string) => findings.report('vault', VAULT_FILE, detail);
  await findings.guarded('vault', VAULT_FILE, async () => {
    const kept = decodeVault((await readOrRefuse(disk, VAULT_FILE)) ?? new Uint8Array(0));
    if (kept.vaultId !== vaultId) report('it has another vault id');
    for (const name of ['nextSegment', 'nextConversation', 'lastStoreTimeMs'] as const) {
      if (kept[name] > index[name]) report(`its ${name} is ahead, ${kept[name]}`);
    }
  });
}
