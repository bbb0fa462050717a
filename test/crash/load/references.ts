import { HELD_SEGMENTS, SEGMENTS } from '../content.js';
import type { Fact } from '../facts.js';
import type { Random } from '../random.js';
import { commitWithSegments, type Load } from './load.js';

/** Adds and removes references to segments, under a holder's name that no other client uses. */
export async function changeReferences(load: Load, client: number, random: Random): Promise<never> {
  const { backend, journal, contents } = load;
  const holder = `client-${client}`;
  for (;;) {
    const any = () =>
      random.below(2) === 0 ? random.below(SEGMENTS) : SEGMENTS + random.below(HELD_SEGMENTS);
    const segments = [...new Set(Array.from({ length: 1 + random.below(4) }, any))];
    const references = segments.map((segment) => ({ hash: contents.hash(segment), holder }));
    const adds = random.below(2) === 0;
    const facts = segments.map((segment): Fact => [`holder/${holder}/${segment}`, adds ? 1 : null]);
    journal.begin(facts);
    if (!adds) {
      await backend.commit({ removeReferences: references });
      journal.done(facts);
      continue;
    }
    const { addReferences } = await commitWithSegments(load, { addReferences: references }, segments);
    // A segment that was collected after it was found has no reference.
    journal.done(facts.filter((_, at) => addReferences![at] !== undefined));
  }
}
