import { parseArgs } from 'node:util';
import { type Corpus, loadCorpus } from './corpus.js';
import { generatedCorpus } from './generated.js';

/**
 * Reads the options of a benchmark with several measurements: `--part NAME...`, all of them by default, and
 * `--corpus FILE...`, a generated corpus by default. Resolves to the measurements and the corpora.
 */
export async function readMeasurements<Measure>(
  argv: readonly string[],
  parts: ReadonlyMap<string, Measure>,
): Promise<{ readonly measures: readonly Measure[]; readonly corpora: readonly Corpus[] }> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: { corpus: { type: 'string', multiple: true }, part: { type: 'string', multiple: true } },
    allowPositionals: true,
  });
  const measures = (values.part ?? [...parts.keys()]).map((name) => {
    const measure = parts.get(name);
    if (!measure) throw new Error(`no part ${name}; there are ${[...parts.keys()].join(', ')}`);
    return measure;
  });
  const files = values.corpus === undefined ? [] : [...values.corpus, ...positionals];
  const corpora = files.length > 0 ? await Promise.all(files.map(loadCorpus)) : [await generatedCorpus()];
  return { measures, corpora };
}
