import { limits } from '../../../model/index.js';
import { guarded, intact, type Report } from './check-report.js';
import type { Tables } from '../tables/environment.js';
import { decodeReferences, referenceOfBytes } from '../segments/reference-chunk.js';

/** What this needs to know of segments, and what it tells of them. */
interface ReferencedSegments {
  has(id: number): boolean;
  addReference(id: number): void;
}

/** Reads every outside reference and counts it. Needs the frames. */
export function* checkReferences(
  tables: Pick<Tables, 'references'>,
  segments: ReferencedSegments,
  report: Report,
): Generator<number, void, void> {
  let before = '';
  const subject = () => 'a chunk of references';
  for (const { key, value } of intact(tables.references, report, 'references', subject)) {
    guarded(report, 'references', subject(), () => {
      const entries = decodeReferences(value);
      if (entries.length === 0) report('references', 'a chunk of references', 'is empty');
      for (const bytes of entries) {
        const { id, holder } = referenceOfBytes(bytes);
        const subject = `holder ${holder}`;
        if (bytes <= before) report('references', subject, `its reference to segment ${id} is not in order`);
        if (`\x01${bytes}` < key.toString('latin1')) {
          report('references', subject, `its reference to segment ${id} is in a chunk after its own`);
        }
        if (Buffer.byteLength(holder) > limits.holderBytesMax) {
          report('references', subject, `its name is longer than ${limits.holderBytesMax} bytes`);
        }
        if (segments.has(id)) segments.addReference(id);
        else report('references', subject, `refers to segment ${id}, which is not stored`);
        before = bytes;
      }
    });
    yield 0;
  }
}
