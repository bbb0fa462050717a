import { readOrRefuse } from '../disk/disk.js';
import { holdersPath } from '../layout/paths.js';
import { decodeHolders } from '../layout/records.js';
import { figuresOfHolders } from '../vault-index/figures.js';
import type { CheckedVault } from './checked-vault.js';
import type { Counted } from './counted.js';
import type { Findings } from './findings.js';

/** Every file of outside holders against the index. */
export async function checkHolders(vault: CheckedVault, counted: Counted, findings: Findings): Promise<void> {
  const { disk, index } = vault;
  for (const [hash, bytesKept] of index.holderBytes()) {
    const subject = `segment ${hash}`;
    const report = (detail: string) => findings.report('holders', subject, detail);
    await findings.guarded('holders', subject, async () => {
      const bytes = await readOrRefuse(disk, holdersPath(hash));
      if (!bytes) return report('the file of its holders is gone');
      if (bytes.length !== bytesKept) report('their file has another length');
      counted.refer(hash, new Set(decodeHolders(bytes, hash)).size);
    });
    counted.add(figuresOfHolders(bytesKept));
  }
  reportDamagedHolders(vault, findings);
}

/** Those that could not be read when the vault was opened. */
export function reportDamagedHolders({ damagedHolders }: CheckedVault, findings: Findings): void {
  for (const [hash, detail] of damagedHolders) findings.report('holders', `segment ${hash}`, detail);
}
