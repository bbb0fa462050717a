import type { VaultInfo, VaultSettings } from '../client/index.js';
import { printable } from '../model/index.js';
import { formatBytes, formatTime } from './format.js';
import { formatAge } from './lifetimes.js';
import { formatTable } from './table.js';

const heads = [
  ...[
    'NAME',
    'STATE',
    'CREATED',
    'QUOTA',
    'PREFIX INDEX',
    'AUTO-COMPACT',
    'LABELS',
    'LIFETIME',
    'USAGE KEPT',
  ],
  '',
];

/** Returns a table of vaults and their settings. */
export function vaultTable(vaults: readonly VaultInfo[]): string {
  const rows = vaults.map(({ name, state, createTimeMs, settings, cause }) => [
    name,
    stateWords[state],
    createTimeMs === undefined ? '-' : formatTime(createTimeMs),
    settings.quotaBytes ? formatBytes(settings.quotaBytes) : '',
    onOff(settings.prefixIndex),
    onOff(settings.autoCompact),
    (settings.labels ?? []).map(printable).join(', '),
    lifetimeWords(settings),
    settings.keepUsageMs ? formatAge(settings.keepUsageMs) : '',
    cause,
  ]);
  return formatTable(
    [heads, ...rows],
    ['left', 'left', 'left', 'right', 'left', 'left', 'left', 'left', 'left', 'left'],
  );
}

/** Returns a line about labels that are set: counters of before do not have them. */
export function sinceWhen({ labels = [] }: VaultSettings): string[] {
  return labels.length === 0
    ? []
    : [
        'list --label also finds what is stored already; usage is counted by a label from the moment that it is set',
      ];
}

/** Returns a line for each task that runs. */
export function underWay({ work }: VaultInfo): string[] {
  return work.map(({ task, startTimeMs }) => `${printable(task)} under way since ${formatTime(startTimeMs)}`);
}

function lifetimeWords({ lifetimeMs = 0, lifetimes: rules = [] }: VaultSettings): string {
  const named = rules.map(
    ({ label, value, lifetimeMs: each }) =>
      `${printable(`${label || 'application'}=${value}`)}:${formatAge(each)}`,
  );
  return [...(lifetimeMs === 0 ? [] : [formatAge(lifetimeMs)]), ...named].join(', ');
}

const stateWords = { open: 'open', closed: 'closed', readOnly: 'read-only', failed: 'failed' } as const;

function onOff(setting: boolean | undefined): string {
  if (setting === undefined) return '';
  return setting ? 'on' : 'off';
}

/** Returns a vault as `--json` prints it. */
export function plainVault({ name, vaultId, createTimeMs, settings, state, cause, work }: VaultInfo): object {
  const { prefixIndex, autoCompact, quotaBytes, labels, lifetimeMs, lifetimes: rules, keep } = settings;
  const { conversationsMax, contentBytesMax, keepUsageMs } = settings;
  return {
    name,
    vault_id: vaultId,
    ...(createTimeMs !== undefined && { create_time: formatTime(createTimeMs) }),
    state: stateWords[state],
    ...(cause !== '' && { cause }),
    ...(work.length > 0 && {
      work: work.map(({ task, startTimeMs }) => ({ task, start_time: formatTime(startTimeMs) })),
    }),
    settings: {
      ...(prefixIndex !== undefined && { prefix_index: prefixIndex }),
      ...(autoCompact !== undefined && { auto_compact: autoCompact }),
      ...(quotaBytes !== undefined && { quota_bytes: quotaBytes }),
      ...(labels !== undefined && { labels }),
      ...(lifetimeMs !== undefined && { lifetime_seconds: lifetimeMs / 1000 }),
      ...(rules !== undefined && {
        lifetimes: rules.map(({ label, value, lifetimeMs: each }) => ({
          ...(label === '' ? { application: value } : { label, value }),
          lifetime_seconds: each / 1000,
        })),
      }),
      ...(keep !== undefined && { keep }),
      ...(conversationsMax !== undefined && { conversations_max: conversationsMax }),
      ...(contentBytesMax !== undefined && { content_bytes_max: contentBytesMax }),
      ...(keepUsageMs !== undefined && { keep_usage_seconds: keepUsageMs / 1000 }),
    },
  };
}
