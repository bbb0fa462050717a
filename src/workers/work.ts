import { once } from 'node:events';
import type { BeginWork } from '../vault/index.js';
import type { Channel } from './channel.js';
import type { PrimaryHandlers } from './handlers.js';

/** Runs in the process that owns the vault: marks work of a worker until it is cancelled. */
export async function* holdWork(
  begin: () => () => void,
  signal: AbortSignal,
): AsyncGenerator<'begun', void, void> {
  const end = begin();
  try {
    yield 'begun';
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    end();
  }
}

/** Runs in a worker. The marks of a worker that ends are removed with its channel. */
export function remoteWork(primary: Channel<PrimaryHandlers>, vault: string): BeginWork {
  return (task) => {
    const mark = primary.stream('work', { vault, task }, new AbortController().signal);
    // Without the other process nothing is left to be marked.
    void mark.next().catch(() => undefined);
    return () => void mark.return().catch(() => undefined);
  };
}
