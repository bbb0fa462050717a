import type { GetStatsResponse } from './generated/responses.js';
import { bytes, ratio } from './format.js';
import { Section } from './ui.js';

interface Step {
  readonly name: string;
  readonly words: string;
  readonly bytes: number;
}

function stepsOf(stats: GetStatsResponse): readonly Step[] {
  return [
    { name: 'Raw', words: '4 bytes for each token', bytes: Number(stats.raw_bytes) },
    { name: 'Deduplicated', words: 'each distinct segment once', bytes: Number(stats.unique_raw_bytes) },
    {
      name: 'Compressed',
      words: 'frames, and the registries that they need',
      bytes: Number(stats.segment_bytes) + Number(stats.registry_bytes),
    },
    {
      name: 'In the store',
      words: 'with lists, indexes and counters, in whole pages',
      bytes: Number(stats.in_use_bytes),
    },
  ];
}

/** From the raw tokens to the bytes of the store, step by step. */
export function Savings({ stats }: { readonly stats: GetStatsResponse }) {
  const steps = stepsOf(stats);
  const widest = Math.max(...steps.map((step) => step.bytes), 1);
  return (
    <Section title="Where the savings come from">
      <ol class="steps">
        {steps.map((step, index) => (
          <li key={step.name}>
            <span class="step-name">
              <strong>{step.name}</strong> <span class="soft">{step.words}</span>
            </span>
            <svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
              <rect class="bar-room" width="100" height="1" />
              <rect class="bar-fill" width={Math.max((100 * step.bytes) / widest, 0.4)} height="1" />
            </svg>
            <span class="step-size">
              <strong>{bytes(step.bytes)}</strong>{' '}
              <span class="soft">{effect(step.bytes, steps[index - 1]?.bytes)}</span>
            </span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

/** Describes the change that a step makes. */
function effect(own: number, before: number | undefined): string {
  if (before === undefined || own === 0) return '';
  return own <= before ? `${ratio(before / own)}× less` : `${bytes(own - before)} more`;
}
