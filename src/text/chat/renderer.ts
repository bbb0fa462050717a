import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { limits, StowkenError } from '../../model/index.js';
import { FairSlots } from '../../queue/index.js';
import type { Rendered, TemplateInput } from './render-template.js';
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

/** Time after which a process that renders nothing is ended. */
const idleMs = 30_000;

/**
 * Renders chat templates in processes of their own, with bounds of time, memory and output. A thread is not
 * enough: the engine ends the whole process when one allocation is larger than the memory that is left.
 */
export class ChatRenderer {
  readonly #idle = new Set<ChildProcess>();
  readonly #all = new Set<ChildProcess>();
  /** Time counts from the start of a rendering: one that waits for others has all of its own. */
  readonly #slots = new FairSlots<undefined>({ countMax: threadsMax });
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly file = createRequire(import.meta.url).resolve(
      '#build/programs/text/chat/render-worker.js',
    ),
  ) {}

  /** @throws StowkenError RENDER_FAILED with the template's error; CANCELLED */
  async render(input: TemplateInput, signal: AbortSignal): Promise<Rendered> {
    const leave = await this.#slots.enter({ owner: undefined, signal, wait });
    const timeout = AbortSignal.timeout(limits.renderMsMax);
    const child = this.#take();
    try {
      const outcome = await outcomeOf(child, input, AbortSignal.any([signal, timeout]));
      if ('text' in outcome) return outcome;
      throw renderFailed(`the chat template fails: ${outcome.failure}`);
    } catch (error) {
      if (signal.aborted) throw new StowkenError('CANCELLED', 'the call was cancelled', {}, { cause: error });
      if (timeout.aborted)
        throw renderFailed(`the chat template takes more than ${limits.renderMsMax} ms`, error);
      throw error;
    } finally {
      this.#giveBack(child);
      leave();
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const ended = [...this.#all].map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of this.#all) child.kill('SIGKILL');
    await Promise.all(ended);
  }

  #take(): ChildProcess {
    clearTimeout(this.#timer);
    const [idle] = this.#idle;
    if (idle) {
      this.#idle.delete(idle);
      return idle;
    }
    const child = fork(this.file, {
      env: {},
      execArgv: [`--max-old-space-size=${limits.renderHeapMbMax}`, '--max-semi-space-size=16'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'advanced',
    });
    this.#all.add(child);
    child.unref();
    child.channel?.unref();
    const gone = (): void => {
      this.#all.delete(child);
      this.#idle.delete(child);
    };
    child.once('exit', gone);
    child.on('error', gone);
    return child;
  }

  #giveBack(child: ChildProcess): void {
    if (this.#all.has(child) && child.connected && !child.killed) this.#idle.add(child);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      for (const idle of this.#idle) idle.kill('SIGKILL');
    }, idleMs).unref();
  }
}

/** Resolves to what a process makes of a template. It is ended when the signal is aborted. */
function outcomeOf(child: ChildProcess, input: TemplateInput, signal: AbortSignal): Promise<RenderOutcome> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      child.off('message', onMessage).off('exit', onExit).off('error', onError);
      child.unref();
      child.channel?.unref();
      act();
    };
    const fail = (error: Error): void => {
      child.kill('SIGKILL');
      settle(() => {
        reject(error);
      });
    };
    const onAbort = (): void => {
      fail(signal.reason as Error);
    };
    const onError = fail;
    const onMessage = (outcome: unknown): void => {
      settle(() => {
        resolve(outcome as RenderOutcome);
      });
    };
    const onExit = (code: number | null, by: string | null): void => {
      const isEngine = by === 'SIGABRT' || by === 'SIGTRAP' || by === 'SIGILL' || code === 134;
      fail(
        isEngine
          ? renderFailed(`the chat template takes more than ${limits.renderHeapMbMax} MiB of memory`)
          : new Error(`the process that renders chat templates ended (${by ?? code})`),
      );
    };
    child.once('message', onMessage).once('exit', onExit).once('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return onAbort();
    child.ref();
    child.channel?.ref();
    child.send(input, (error) => {
      if (error) fail(error);
    });
  });
}

export function renderFailed(message: string, cause?: unknown): StowkenError {
  return new StowkenError('RENDER_FAILED', message, {}, { cause });
}
