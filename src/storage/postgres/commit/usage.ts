import { groupedBy, periodOf, type UsageEvent } from '../../shared/usage.js';
import type { Works } from './works.js';

/** Counts the usage of what a change stored, beside the figures of its conversation. */
export function countUsage(works: Works, event: UsageEvent): void {
  const list = works.head(event.conversation.id)?.k;
  const work = list === undefined ? works.all[0] : works.ofPack(list);
  const labels = (work?.state.labels ?? []).map(({ name }) => name);
  const group = groupedBy(event.conversation, labels, (each) => each);
  work?.usage.push({ period: periodOf(event), group, figures: event.figures });
}
