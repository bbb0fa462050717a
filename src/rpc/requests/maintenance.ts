import { z } from 'zod';
import { optional, vaultName } from './fields.js';
import { ordinaryRequest } from './ordinary.js';
import { durationMs } from './times.js';

const collect = z
  .object({
    vault: vaultName,
    dry_run: z.boolean(),
    min_age: optional(durationMs),
    report_preparation: z.boolean(),
  })
  .transform(({ vault, dry_run, min_age, report_preparation }) => ({
    vault,
    options: { dryRun: dry_run, minAgeMs: min_age ?? 0, reportPreparation: report_preparation },
  }));

const verify = z
  .object({ vault: vaultName, repair: z.boolean() })
  .transform(({ vault, repair }) => ({ vault, options: { repair } }));

const vaultAlone = z.object({ vault: vaultName });

export const readCollectGarbage = ordinaryRequest('stowken.v1.CollectGarbageRequest', collect);
export const readGetStats = ordinaryRequest('stowken.v1.GetStatsRequest', vaultAlone);
export const readVerifyVault = ordinaryRequest('stowken.v1.VerifyVaultRequest', verify);
export const readBackupVault = ordinaryRequest('stowken.v1.BackupVaultRequest', vaultAlone);
export const readGetCapabilities = ordinaryRequest('stowken.v1.GetCapabilitiesRequest', vaultAlone);
