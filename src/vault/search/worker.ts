// Worker thread of SearchThreads.

import { type MessagePort, parentPort } from 'node:worker_threads';
import { FrameDecoder, lowerThreadPriority, Registry, type SharedRegistry } from '../../codec/index.js';
import { loadCore, RecentlyUsed, type TokenCore } from '../../core/index.js';
import { isStowkenError, limits, StowkenError } from '../../model/index.js';
import { FOUND } from './automaton.js';
import type { ScanContext, ScanOutcome, ScanTask } from './threads.js';
import { TokenScanner } from './token-scanner.js';

function serve(port: MessagePort, core: TokenCore): void {
  const scanner = new SegmentScanner(core);
  port.on('message', (task: ScanTask) => port.postMessage(scanner.outcomeOf(task)));
}

/** Decodes segments and scans them. */
class SegmentScanner {
  /** Registries of the vaults that were searched last, by the hash of their bytes. */
  readonly #loaded = new RecentlyUsed<string, Registry>(
    limits.searchThreadRegistriesBytesMax,
    ({ memoryBytes }) => memoryBytes,
  );
  /** Decoder and scanner of the last context. */
  #tools: { readonly decoder: FrameDecoder; readonly tokens: TokenScanner } | undefined;

  constructor(private readonly core: TokenCore) {}

  outcomeOf(task: ScanTask): ScanOutcome {
    try {
      return this.#scan(task);
    } catch (error) {
      if (!isStowkenError(error)) throw error;
      return { reason: error.reason, message: error.message };
    }
  }

  #scan({ context, frames, ends, tokenCounts, before }: ScanTask): Uint8Array {
    if (context !== undefined) this.#use(context);
    const { decoder, tokens } = this.#tools!;
    const behind = new Uint8Array(ends.length);
    let to = 0;
    for (let from = 0; from < ends.length; from = to) {
      // Several segments are decoded together, which is faster.
      const together: Uint8Array[] = [];
      for (let count = 0; to < ends.length && count < limits.decodeAheadTokensMax; to++) {
        count += tokenCounts[to]!;
        together.push(frames.subarray(to === 0 ? 0 : ends[to - 1], ends[to]));
      }
      for (const [at, le32] of decoder.decodeMany(together, 'le32').entries())
        behind[from + at] = le32 instanceof StowkenError ? FOUND : tokens.scan(le32, before[from + at]!);
    }
    return behind;
  }

  #use({ tables, registries }: ScanContext): void {
    const decoder = new FrameDecoder(this.core, (id) => {
      const shared = registries.find((each) => each.id === id);
      return shared && this.#registryOf(shared);
    });
    this.#tools = { decoder, tokens: new TokenScanner(tables) };
  }

  #registryOf({ key, bytes }: SharedRegistry): Registry {
    const known = this.#loaded.get(key);
    if (known !== undefined) return known;
    const registry = new Registry(this.core, bytes);
    this.#loaded.set(key, registry);
    return registry;
  }
}

lowerThreadPriority();
serve(parentPort!, await loadCore());
