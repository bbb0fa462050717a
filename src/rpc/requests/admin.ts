import { z } from 'zod';
import { limits } from '../../model/index.js';
import { isVaultName, settingNames, type SettingName } from '../../vaults/index.js';
import { RequestDecoder } from '../wire/reader.js';
import {
  durationMs,
  items,
  label,
  optional,
  pageSize,
  timestampMs,
  uint64,
  utf8,
  vaultName,
} from './fields.js';
import { refuse, refuseField, schemaRequest } from './parse.js';

/** Settings by the contract's names of them. */
const settingsByField: Readonly<Record<string, SettingName>> = Object.fromEntries(
  settingNames.map((name) => [
    name.replace(/Ms$/, '').replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`),
    name,
  ]),
);

const labels = z
  .object({ keys: items(utf8(1, limits.metadataKeyBytesMax), limits.labelsMax) })
  .transform(({ keys }, context) => {
    if (new Set(keys).size === keys.length) return keys;
    return refuseField(context, 'keys', 'names a key twice', { size: keys.length });
  });

const lifetime = z
  .object({
    label: utf8(0, limits.metadataKeyBytesMax),
    value: utf8(0, limits.metadataValueBytesMax),
    lifetime: optional(durationMs),
  })
  .transform(({ lifetime, ...where }) => ({ ...where, lifetimeMs: lifetime ?? 0 }));

const keptLabel = z.object({
  label: utf8(1, limits.metadataKeyBytesMax),
  value: utf8(0, limits.metadataValueBytesMax),
});

const settings = z
  .object({
    prefix_index: optional(z.boolean()),
    auto_compact: optional(z.boolean()),
    quota_bytes: optional(uint64),
    labels: optional(labels),
    lifetime: optional(durationMs),
    lifetimes: optional(z.object({ lifetimes: items(lifetime, limits.lifetimesMax) })),
    keep: optional(z.object({ labels: items(keptLabel, limits.lifetimesMax) })),
    conversations_max: optional(uint64),
    content_bytes_max: optional(uint64),
    keep_usage: optional(durationMs),
  })
  .transform(({ prefix_index, auto_compact, quota_bytes, labels, ...kept }) => ({
    ...(kept.lifetime !== undefined && { lifetimeMs: kept.lifetime }),
    ...(kept.lifetimes !== undefined && { lifetimes: kept.lifetimes.lifetimes }),
    ...(kept.keep !== undefined && { keep: kept.keep.labels }),
    ...(kept.conversations_max !== undefined && { conversationsMax: kept.conversations_max }),
    ...(kept.content_bytes_max !== undefined && { contentBytesMax: kept.content_bytes_max }),
    ...(kept.keep_usage !== undefined && { keepUsageMs: kept.keep_usage }),
    ...(labels !== undefined && { labels }),
    ...(prefix_index !== undefined && { prefixIndex: prefix_index }),
    ...(auto_compact !== undefined && { autoCompact: auto_compact }),
    ...(quota_bytes !== undefined && { quotaBytes: quota_bytes }),
  }));

const optionalSettings = z
  .custom<z.input<typeof settings> | null>()
  .pipe(settings.nullable())
  .transform((given) => given ?? {});

const settingName = z.string().transform((field, context) => {
  const name = settingsByField[field];
  const known = Object.keys(settingsByField).join(', ');
  return name ?? refuse(context, `is no setting of a vault; there are ${known}`, { value: field });
});

/** Position in the list of vaults: a name. */
const pageToken = utf8(0, limits.labelBytesMax).transform((token, context) => {
  const name = Buffer.from(token, 'base64url').toString('utf8');
  if (token === '' || isVaultName(name)) return name;
  return refuse(context, 'is not the next_page_token of a page', { value: token });
});

/** Returns the token of the page after the vault with this name. */
export function vaultPageToken(name: string): string {
  return Buffer.from(name, 'utf8').toString('base64url');
}

const named = z.object({ vault: vaultName });

export const readCreateVault = schemaRequest(
  new RequestDecoder('stowken.v1.CreateVaultRequest'),
  z.object({ vault: vaultName, settings: optionalSettings }),
);
export const readGetVault = schemaRequest(new RequestDecoder('stowken.v1.GetVaultRequest'), named);
export const readGetRetention = schemaRequest(new RequestDecoder('stowken.v1.GetRetentionRequest'), named);
export const readUpdateVault = schemaRequest(
  new RequestDecoder('stowken.v1.UpdateVaultRequest'),
  z.object({
    vault: vaultName,
    settings: optionalSettings,
    reset: items(settingName, settingNames.length),
  }),
);
export const readListVaults = schemaRequest(
  new RequestDecoder('stowken.v1.ListVaultsRequest'),
  z.object({ page_size: pageSize, page_token: pageToken }),
);
/** Position in the audit log: the number of an event. */
const auditPageToken = utf8(0, limits.labelBytesMax).transform((token, context) => {
  if (token === '') return undefined;
  if (/^[1-9]\d{0,14}$/.test(token)) return Number(token);
  return refuse(context, 'is not the next_page_token of a page', { value: token });
});

export const readListAuditEvents = schemaRequest(
  new RequestDecoder('stowken.v1.ListAuditEventsRequest'),
  z
    .object({
      vault: label,
      identity: label,
      start_time: optional(timestampMs),
      end_time: optional(timestampMs),
      page_size: pageSize,
      page_token: auditPageToken,
    })
    .transform(({ vault, identity, start_time, end_time, page_size, page_token }) => ({
      vault: vault === '' ? undefined : vault,
      identity: identity === '' ? undefined : identity,
      startMs: start_time,
      endMs: end_time,
      limit: page_size,
      before: page_token,
    })),
);
export const readDeleteVault = schemaRequest(
  new RequestDecoder('stowken.v1.DeleteVaultRequest'),
  z.object({ vault: vaultName, confirm_vault: utf8(0, limits.labelBytesMax) }),
);
