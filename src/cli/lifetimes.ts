import { InvalidArgumentError } from 'commander';
import type { LabelValue, VaultSettings } from '../client/index.js';
import { printable } from '../model/index.js';
import { formatBytes, plural } from './format.js';
import { duration } from './options.js';

type Lifetime = NonNullable<VaultSettings['lifetimes']>[number];

const secondMs = 1000;
const units = [
  ['d', 86_400 * secondMs],
  ['h', 3600 * secondMs],
  ['m', 60 * secondMs],
  ['s', secondMs],
] as const;

/** Reads "user=7:30d" or "application=agents:30d", repeatedly; an empty text stands for no rules. */
export function lifetimes(text: string, before: readonly Lifetime[] = []): Lifetime[] {
  if (text === '') return [...before];
  const colon = text.lastIndexOf(':');
  if (colon === -1) throw new InvalidArgumentError('It is like user=7:30d or application=agents:30d.');
  const { label, value } = labelOf(text.slice(0, colon));
  const lifetimeMs = duration(text.slice(colon + 1));
  return [...before, { label: label === 'application' ? '' : label, value, lifetimeMs }];
}

/** Reads "tag=golden", repeatedly; an empty text stands for no rules. */
export function keptLabels(text: string, before: readonly LabelValue[] = []): LabelValue[] {
  return text === '' ? [...before] : [...before, labelOf(text)];
}

function labelOf(text: string): LabelValue {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It is a metadata key and its value: tag=golden.');
  return { label: text.slice(0, at), value: text.slice(at + 1) };
}

/** Returns an age as it is given: 30d, 90m; in the largest unit in which it is whole. */
export function formatAge(milliseconds: number): string {
  if (milliseconds === 0) return 'for ever';
  const unit = units.find(([, ms]) => milliseconds % ms === 0);
  return unit ? `${milliseconds / unit[1]}${unit[0]}` : `${milliseconds / secondMs}s`;
}

/** Returns in a line each what lifetimes do not say: conversations that are kept, and limits of a vault. */
export function bounds({ keep = [], conversationsMax = 0, contentBytesMax = 0 }: VaultSettings): string[] {
  const kept = keep.map(({ label, value }) => printable(`${label}=${value}`)).join(', ');
  const limits = [
    ...(conversationsMax > 0 ? [plural(conversationsMax, 'conversation')] : []),
    ...(contentBytesMax > 0 ? [`${formatBytes(contentBytesMax)} of content`] : []),
  ];
  return [
    ...(kept === '' ? [] : [`kept for ever: ${kept}`]),
    ...limits.map((limit) => `above ${limit}, the oldest are deleted`),
  ];
}
