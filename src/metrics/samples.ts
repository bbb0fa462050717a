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
  /** True if it stays true when its process has ended. */
  readonly lasting: boolean;
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
      const { type, help, across, lasting }: Definition = definitions[name];
      const isLasting = lasting ?? type !== 'gauge';
      return { name, type, help, aggregator: across ?? 'sum', lasting: isLasting, values };
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

/** Adds up the counts of processes, and leaves out what was true of a moment only. */
export function lastingOf(processes: readonly (readonly Measured[])[]): Measured[] {
  const sums = new Map<string, Measured & { readonly byLabels: Map<string, Value> }>();
  for (const metric of processes.flat()) {
    if (!metric.lasting) continue;
    let sum = sums.get(metric.name);
    if (sum === undefined) sums.set(metric.name, (sum = { ...metric, byLabels: new Map() }));
    for (const each of metric.values) {
      const key = JSON.stringify([each.metricName, each.labels]);
      const before = sum.byLabels.get(key)?.value ?? 0;
      const value = metric.aggregator === 'max' ? Math.max(before, each.value) : before + each.value;
      sum.byLabels.set(key, { ...each, value });
    }
  }
  return [...sums.values()].map(({ byLabels, ...metric }) => ({ ...metric, values: [...byLabels.values()] }));
}
