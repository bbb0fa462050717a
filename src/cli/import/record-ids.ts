import { createHash } from 'node:crypto';
import type { Draft } from './shapes/index.js';

/** Format of lines that say nothing. */
const recordFormat = 'record';

/** Limit of the records of an import whose number is remembered. */
const recordsMax = 100_000;

/**
 * Ids of records. Lines that say nothing may share the id of a line that does, and are often alike: content
 * makes their ids, with the number of lines of an import that have the same one. So another import of the
 * same file stores nothing.
 */
export class RecordIds {
  readonly #counts = new Map<string, number>();

  /** Returns a record with its id; any other conversation as it is. */
  withId(draft: Draft): Draft {
    const { format, document, spec } = draft;
    if (format !== recordFormat) return draft;
    const hash = createHash('sha256').update(JSON.stringify(document)).digest('hex').slice(0, 24);
    const count = (this.#counts.get(hash) ?? 0) + 1;
    this.#counts.delete(hash);
    this.#counts.set(hash, count);
    if (this.#counts.size > recordsMax) this.#counts.delete(this.#counts.keys().next().value!);
    const id = `${recordFormat}~${hash}${count === 1 ? '' : `~${count}`}`;
    return { ...draft, spec: { ...spec, id } };
  }
}
