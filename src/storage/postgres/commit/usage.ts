import { limits } from '../../../model/index.js';
import type { Change, ChangeResult, ManifestOutcome } from '../../contract/change.js';
import { isOfAbsent, type Part } from '../../shared/apply-change.js';
import { groupedBy, periodOf, usageOf } from '../../shared/usage.js';
import type { Works } from './works.js';

/** Counts the usage of what a change stored, beside the figures of its conversations. */
export function countUsage(works: Works, change: Change, result: ChangeResult): void {
  const { put } = change;
  const isIndexed = put?.prefix !== undefined || change.append?.prefix !== undefined;
  const prefixTokens = isIndexed ? works.prefixes.shared * limits.prefixBlockTokens : 0;
  const isDated = put?.spec.createTimeMs !== undefined;
  const isNew = put?.keeps && isOfAbsent(put.expect);
  const count = (
    outcome: ManifestOutcome | undefined,
    messages?: Part<'put'>['messages'] | MessagesOfAppend,
  ) => {
    if (!outcome || outcome.unchanged) return;
    const event = usageOf(outcome, messages, prefixTokens, isDated, isNew);
    const list = works.head(event.conversation.id)?.k;
    const work = list === undefined ? works.all[0] : works.ofPack(list);
    const labels = (work?.state.labels ?? []).map(({ name }) => name);
    const group = groupedBy(event.conversation, labels, (each) => each);
    work?.usage.push({ period: periodOf(event), group, figures: event.figures });
  };
  count(result.put, put?.messages);
  count(result.append, change.append?.messages);
  count(result.fork);
}

type MessagesOfAppend = Part<'append'>['messages'];
