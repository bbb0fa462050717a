import type { CheckOptions, Violation } from '../../contract/checks.js';
import { MANIFESTS } from '../layout/paths.js';
import { checkRequests } from '../vault-index/requests.js';
import { checkFolder } from './check-folder.js';
import { checkHolders, checkSegments, Counted, reportDamagedHolders } from './check-segments.js';
import { checkManifests } from './check-manifests.js';
import { checkRegistries } from './check-registries.js';
import { type CheckedVault, Findings } from './findings.js';

/**
 * Reads every file again and compares it with the index, decodes every frame, and reports files that do not
 * belong to the vault. The vault must stand still, with all its files in place.
 */
export async function checkVault(vault: CheckedVault, options: CheckOptions): Promise<Violation[]> {
  const { segments, conversations } = vault.index.figures;
  const findings = new Findings(segments + conversations, options);
  if (options.depth === 'records') {
    // All other manifests were compared when the index was built at opening.
    for (const [name, detail] of vault.damagedManifests) {
      findings.report('manifest', `${MANIFESTS}/${name}`, detail);
    }
    reportDamagedHolders(vault, findings);
    return findings.violations;
  }
  const counted = new Counted();
  await checkFolder(vault, findings);
  await checkRegistries(vault, findings);
  await checkRequests(vault.disk, vault.index.requests, (path, detail) =>
    findings.report('requests', path, detail),
  );
  await checkManifests(vault, counted, findings);
  await checkHolders(vault, counted, findings);
  await checkSegments(vault, counted, findings);
  counted.compare(vault.index, findings);
  return findings.violations;
}
