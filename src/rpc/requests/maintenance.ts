import { z } from 'zod';
import { minSavingsRatioDefault } from '../../vault/index.js';
import { durationMs, optional, uint64, utf8, vaultName } from './fields.js';
import { RequestDecoder } from '../wire/reader.js';
import { schemaRequest, refuse } from './parse.js';

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

export const readCollectGarbage = schemaRequest(
  new RequestDecoder('stowken.v1.CollectGarbageRequest'),
  collect,
);
export const readGetStats = schemaRequest(new RequestDecoder('stowken.v1.GetStatsRequest'), vaultAlone);
export const readVerifyVault = schemaRequest(new RequestDecoder('stowken.v1.VerifyVaultRequest'), verify);
export const readBackupVault = schemaRequest(new RequestDecoder('stowken.v1.BackupVaultRequest'), vaultAlone);
export const readGetCapabilities = schemaRequest(
  new RequestDecoder('stowken.v1.GetCapabilitiesRequest'),
  vaultAlone,
);

const resumeTokenBytesMax = 4096;

/** zod's own numbers are finite, but its message for others is not ours. */
const ratio = z
  .custom<number>((value) => typeof value === 'number')
  .check((context) => {
    if (!(context.value >= 0 && context.value <= 1)) {
      refuse(context, `is ${context.value}; it is a part, 0 to 1`, { value: String(context.value) });
    }
  });

/** A budget; 0 means no limit. */
const budget = uint64.transform((value) => (value === 0 ? undefined : value));

const compact = z
  .object({
    vault: vaultName,
    dry_run: z.boolean(),
    min_savings_ratio: optional(ratio),
    resume_token: utf8(0, resumeTokenBytesMax),
    segments_max: budget,
    bytes_max: budget,
    time_max: optional(durationMs),
    report_preparation: z.boolean(),
  })
  .transform((request) => ({
    vault: request.vault,
    input: {
      dryRun: request.dry_run,
      minSavingsRatio: request.min_savings_ratio ?? minSavingsRatioDefault,
      resumeToken: request.resume_token,
      segmentsMax: request.segments_max,
      bytesMax: request.bytes_max,
      timeMsMax: request.time_max,
      reportPreparation: request.report_preparation,
    },
  }));

export const readCompact = schemaRequest(new RequestDecoder('stowken.v1.CompactSubstringsRequest'), compact);
export const readListRegistries = schemaRequest(
  new RequestDecoder('stowken.v1.ListRegistriesRequest'),
  z.object({ vault: vaultName }),
);
