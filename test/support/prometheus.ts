/** A value of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\.)*)"(?:,|$)/g;

/** Metrics as a scraper reads them. Fails for text that is not in Prometheus' format. */
class Scrape {
  readonly samples: Sample[] = [];
  readonly types = new Map<string, string>();

  constructor(text: string) {
    for (const each of text.split('\n')) {
      const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(each) ?? [];
      if (name !== undefined) this.types.set(name, type!);
      if (each === '' || each.startsWith('#')) continue;
      const [, sample, given = '', value] = line.exec(each) ?? [];
      if (sample === undefined) throw new Error(`not a sample: ${each}`);
      const labels = Object.fromEntries([...given.matchAll(label)].map(([, key, text]) => [key!, text!]));
      if ([...given.matchAll(label)].map(([whole]) => whole).join('') !== given)
        throw new Error(`not labels: ${given}`);
      if (!this.types.has(metricOf(sample)) && !this.types.has(sample))
        throw new Error(`no type of ${sample} before it`);
      this.samples.push({ name: sample, labels, value: Number(value) });
    }
  }

  /** Returns the sum of the samples of this name that have these labels; undefined without any. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.samples.filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
  }

  /** Names of the metrics that have samples. */
  get names(): string[] {
    return [
      ...new Set(this.samples.map(({ name }) => (this.types.has(name) ? name : metricOf(name)))),
    ].sort();
  }
}

/** Returns the name of the histogram of a sample. */
function metricOf(sample: string): string {
  return sample.replace(/_(bucket|sum|count)$/, '');
}

/** Scrapes a port. */
export async function scrape(address: string): Promise<Scrape> {
  const response = await fetch(`http://${address}/metrics`);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  return new Scrape(text);
}
