import { createHash } from 'node:crypto';
import { PrintCounts } from './print-counts.js';
import type { Draft } from './shapes/index.js';

/** Format of lines that say nothing. */
const recordFormat = 'record';

/**
 * Ids of records. Lines that say nothing may share the id of a line that does, and are often alike: content
 * makes their ids, with the number of lines of an import that have the same one. So another import of the
 * same file stores nothing.
 */
export class RecordIds {
  readonly #counts = new PrintCounts();

  /** Returns a record with its id; any other conversation as it is. */
  withId(draft: Draft): Draft {
    const { format, document, spec } = draft;
    if (format !== recordFormat) return draft;
    const digest = createHash('sha256').update(JSON.stringify(document)).digest();
    const hash = digest.toString('hex').slice(0, 24);
    const count = this.#counts.add(digest.readUInt32LE(0), digest.readUInt32LE(4));
    const id = `${recordFormat}~${hash}${count === 1 ? '' : `~${count}`}`;
    return { ...draft, spec: { ...spec, id } };
  }
}
