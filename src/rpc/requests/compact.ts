import { z } from 'zod';
import { optional, uint64, utf8, vaultName } from './fields.js';
import { ordinaryRequest } from './ordinary.js';
import { refuse } from './parse.js';
import { durationMs } from './times.js';
import { minSavingsRatioDefault } from '../../vault/index.js';

const resumeTokenBytesMax = 4096;

/** zod's own numbers are finite, and its refusal of others has no sentence of ours. */
const ratio = z
  .custom<number>((value) => typeof value === 'number')
  .check((context) => {
    if (!(context.value >= 0 && context.value <= 1)) {
      refuse(context, `is ${context.value}; it is a part, 0 to 1`, { value: String(context.value) });
    }
  });

/** A budget; 0 is none. */
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

export const readCompact = ordinaryRequest('stowken.v1.CompactSubstringsRequest', compact);
export const readListRegistries = ordinaryRequest(
  'stowken.v1.ListRegistriesRequest',
  z.object({ vault: vaultName }),
);
