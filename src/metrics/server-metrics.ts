import type { Logger } from 'pino';
import { Endpoint } from './endpoint.js';
import { ProcessMetrics } from './process-metrics.js';
import { Lifecycle } from './readiness.js';
import { addUp, type Measured } from './samples.js';

/** The part of a server that others watch: its port, its phase, and the metrics of its processes. */
export class ServerMetrics {
  readonly lifecycle = new Lifecycle();
  readonly own = new ProcessMetrics('main');
  #others: () => Promise<readonly (readonly Measured[])[]> = async () => [];
  #endpoint: Endpoint | undefined;

  private constructor() {
    this.own.add((samples) => samples.set('stowken_ready', {}, this.lifecycle.readiness.ready ? 1 : 0));
  }

  /** Rejects if the address cannot be bound. */
  static async open(listen: string, logger: Logger): Promise<ServerMetrics> {
    const metrics = new ServerMetrics();
    const readiness = () => metrics.lifecycle.readiness;
    try {
      metrics.#endpoint = await Endpoint.open({ listen, readiness, metrics: () => metrics.#text(), logger });
    } catch (error) {
      metrics.own.stop();
      throw error;
    }
    return metrics;
  }

  /** Adds the metrics of other processes, which `collect` returns. */
  addProcesses(collect: () => Promise<readonly (readonly Measured[])[]>): void {
    this.#others = collect;
  }

  get address(): string | undefined {
    return this.#endpoint?.address;
  }

  close(): void {
    this.own.stop();
    this.#endpoint?.close();
  }

  async #text() {
    const [own, others] = await Promise.all([this.own.collect(), this.#others()]);
    const registry = addUp([own, ...others]);
    return { text: await registry.metrics(), type: registry.contentType };
  }
}
