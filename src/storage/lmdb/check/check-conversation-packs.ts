import { countOf } from '../../../model/index.js';
import type { HeldPack } from '../cold/packed-conversations.js';
import type { Tables } from '../tables/environment.js';
import { guarded, intact, type Report } from './check-report.js';

const INVARIANT = 'conversation-packs';

/** Compares packs of conversations with their heads. What conversations say is compared with the others. */
export function* checkConversationPacks(tables: Tables, report: Report): Generator<number, void, void> {
  const { conversations, conversationPacks, conversationPackHeads } = tables;
  let end = 0;
  for (const pack of conversations.packed.heldFrom(1)) {
    const subject = `pack of conversations ${pack.key}`;
    if (!pack.head) {
      report(INVARIANT, subject, pack.damage.message);
      end = Math.max(end, pack.key);
    } else {
      if (pack.key <= end) report(INVARIANT, subject, `begins before conversation number ${end}`);
      end = pack.head.numbers.at(-1)!;
      guarded(report, INVARIANT, subject, () => {
        checkPack(tables, pack, (what) => report(INVARIANT, subject, what));
      });
    }
    yield 0;
  }
  const subjectOf = (key: number) => `pack of conversations ${key}`;
  for (const { key } of intact(conversationPacks, report, INVARIANT, subjectOf)) {
    if (!conversationPackHeads.has(key)) report(INVARIANT, subjectOf(key), 'has no head');
    yield 0;
  }
}

function checkPack({ conversations }: Tables, { key, head }: HeldPack, say: (what: string) => void): void {
  const records = conversations.packed.decoded(key);
  if (records.numbers.length !== head.packed)
    say(`has ${countOf(records.numbers.length, 'conversation')}, and its head says ${head.packed}`);
  for (const number of head.numbers) {
    if (!records.get(number)) say(`lacks conversation number ${number}`);
    if (conversations.hot.has(number))
      say(`has conversation number ${number}, which has a record of its own`);
  }
  const numbers = new Set(head.numbers);
  for (const number of head.distances.keys())
    if (!numbers.has(number)) say(`has a distance of conversation number ${number}, which is not there`);
}
