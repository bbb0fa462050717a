import { AggregatorRegistry, type Registry } from 'prom-client';
import type { Distribution } from '../model/index.js';
import { type Definition, definitions, type LabelsOf, type MetricName, type NameOf } from './definitions.js';

interface Value {
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly metricName?: string;
}

/** A metric with its values, in the form that prom-client adds up and writes; a structured clone crosses. */
export interface Measured {
  readonly name: string;
  readonly type: Definition['type'];
  readonly help: string;
  readonly aggregator: 'sum' | 'max';
  readonly values: readonly Value[];
}

/** Collects the values of all metrics of a process. */
export class Samples {
  readonly #values = new Map<MetricName, Value[]>();

  set<Name extends NameOf<'counter' | 'gauge'>>(name: Name, labels: LabelsOf<Name>, value: number): void {
    this.#of(name).push({ labels, value });
  }

  setHistogram<Name extends NameOf<'histogram'>>(
    name: Name,
    labels: LabelsOf<Name>,
    { bounds, counts, sum }: Distribution,
  ): void {
    const values = this.#of(name);
    let count = 0;
    counts.forEach((each, at) => {
      count += each;
      const le = at < bounds.length ? String(bounds[at]) : '+Inf';
      values.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: count });
    });
    values.push({ metricName: `${name}_sum`, labels, value: sum });
    values.push({ metricName: `${name}_count`, labels, value: count });
  }

  get measured(): Measured[] {
    return [...this.#values].map(([name, values]) => {
      const { type, help, across }: Definition = definitions[name];
      return { name, type, help, aggregator: across ?? 'sum', values };
    });
  }

  #of(name: MetricName): Value[] {
    let values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, (values = []));
    return values;
  }
}

/** Adds up the metrics of several processes. */
export function addUp(processes: readonly (readonly Measured[])[]): Registry {
  return AggregatorRegistry.aggregate([...processes]);
}

/** Returns the counts of processes, added up, and leaves out what is true of a moment only. */
export function lastingOf(processes: readonly (readonly Measured[])[]): Measured[] {
  const sums = new Map<string, Measured & { readonly byLabels: Map<string, Value> }>();
  for (const metric of processes.flat()) {
    if (metric.type === 'gauge') continue;
    let sum = sums.get(metric.name);
    if (sum === undefined) sums.set(metric.name, (sum = { ...metric, byLabels: new Map() }));
    for (const each of metric.values) {
      const key = JSON.stringify([each.metricName, each.labels]);
      sum.byLabels.set(key, { ...each, value: each.value + (sum.byLabels.get(key)?.value ?? 0) });
    }
  }
  return [...sums.values()].map(({ byLabels, ...metric }) => ({ ...metric, values: [...byLabels.values()] }));
}
