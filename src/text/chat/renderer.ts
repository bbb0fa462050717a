import { createRequire } from 'node:module';
import { Piscina } from 'piscina';
import { limits, StowkenError } from '../../model/index.js';
import { FairSlots } from '../../queue/index.js';
import type { TemplateInput } from './render-template.js';
import type { RenderOutcome } from './render-worker.js';

const threadsMax = 2;

const wait = {
  msMax: limits.largeRequestWaitMs,
  overdue: () =>
    new StowkenError(
      'OVERLOADED',
      `${threadsMax} chat templates are rendered at once, and no turn came within ${limits.largeRequestWaitMs} ms; try again`,
      { limit: String(threadsMax), waited_ms: String(limits.largeRequestWaitMs) },
    ),
};

/** Renders chat templates in threads of their own, with bounds of time, memory and output. */
export class ChatRenderer {
  readonly #pool = new Piscina<TemplateInput, RenderOutcome>({
    filename: createRequire(import.meta.url).resolve('#build/src/text/chat/render-worker.js'),
    minThreads: 0,
    maxThreads: threadsMax,
    concurrentTasksPerWorker: 1,
    idleTimeout: 30_000,
    resourceLimits: { maxOldGenerationSizeMb: limits.renderHeapMbMax, maxYoungGenerationSizeMb: 32 },
    env: {},
  });
  /** Time counts from the start of a rendering: one that waits for others has all of its own. */
  readonly #slots = new FairSlots<undefined>({ countMax: threadsMax });

  /** @throws StowkenError RENDER_FAILED with the template's error; CANCELLED */
  async render(input: TemplateInput, signal: AbortSignal): Promise<string> {
    const leave = await this.#slots.enter({ owner: undefined, signal, wait });
    const timeout = AbortSignal.timeout(limits.renderMsMax);
    try {
      const outcome = await this.#pool.run(input, { signal: AbortSignal.any([signal, timeout]) });
      if ('text' in outcome) return outcome.text;
      throw renderFailed(`the chat template fails: ${outcome.failure}`);
    } catch (error) {
      if (signal.aborted) throw new StowkenError('CANCELLED', 'the call was cancelled', {}, { cause: error });
      if (timeout.aborted)
        throw renderFailed(`the chat template takes more than ${limits.renderMsMax} ms`, error);
      if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY')
        throw renderFailed(
          `the chat template takes more than ${limits.renderHeapMbMax} MiB of memory`,
          error,
        );
      throw error;
    } finally {
      leave();
    }
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

export function renderFailed(message: string, cause?: unknown): StowkenError {
  return new StowkenError('RENDER_FAILED', message, {}, { cause });
}
