import { setTimeout } from 'node:timers/promises';
import type { Load } from './load.js';

/** Gives every free page back, and overwrites what is not content, again and again. */
export async function tidySpace({ backend }: Load): Promise<void> {
  const { signal } = new AbortController();
  while (backend.giveBack && backend.overwriteUnused) {
    await backend.giveBack({ signal, factor: 0 });
    await backend.overwriteUnused({ signal, waitMs: 0 });
    await setTimeout(2);
  }
}
