import type { IntakeFigures } from '../rpc/index.js';
import { CallCounts } from './call-counts.js';
import { ProcessFigures, type Role } from './process-figures.js';
import { type Measured, Samples } from './samples.js';
import { VaultMeters } from './vault-meters.js';

/** Adds values that it reads at this moment. */
export type Source = (samples: Samples) => void | Promise<void>;

/** The metrics of one process. Counts go on all the time; all else is read when somebody asks. */
export class ProcessMetrics {
  readonly calls = new CallCounts();
  readonly meters = new VaultMeters();
  readonly #process: ProcessFigures;
  readonly #sources: Source[] = [];

  constructor(role: Role) {
    this.#process = new ProcessFigures(role);
    this.#sources.push((samples) => this.calls.collect(samples));
    this.#sources.push((samples) => this.meters.collect(samples));
    this.#sources.push((samples) => this.#process.collect(samples));
  }

  readonly activityOf = (vault: string) => this.meters.of(vault);

  add(source: Source): void {
    this.#sources.push(source);
  }

  addIntake(figures: () => IntakeFigures): void {
    this.add((samples) => {
      const { calls, connections, bytes, bytesMax, waiting } = figures();
      samples.set('stowken_rpc_calls_in_progress', {}, calls);
      samples.set('stowken_rpc_connections', {}, connections);
      samples.set('stowken_intake_bytes', {}, bytes);
      samples.set('stowken_intake_limit_bytes', {}, bytesMax);
      samples.set('stowken_intake_waiting_requests', {}, waiting);
    });
  }

  async collect(): Promise<Measured[]> {
    const samples = new Samples();
    for (const source of this.#sources) await source(samples);
    return samples.measured;
  }

  stop(): void {
    this.#process.stop();
  }
}
