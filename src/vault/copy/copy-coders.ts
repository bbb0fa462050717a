import { chatKey } from '../kept-chat.js';
import type { CopyParts } from './types.js';

/**
 * Copies the registries that the target lacks, under their ids.
 * @throws StowkenError REGISTRY_CONFLICT if the target has others
 */
export async function copyRegistries({ source, target }: CopyParts): Promise<void> {
  const known = new Set((await target.backend.listRegistries()).map(({ id }) => id));
  for (const { id, createTimeMs } of await source.backend.listRegistries()) {
    if (known.has(id)) continue;
    const bytes = await source.backend.readRegistry(id);
    // A registry that was dropped meanwhile codes no frame any more.
    if (bytes) await target.backend.commit({ putRegistry: { bytes, timeMs: createTimeMs } });
  }
}

/**
 * Copies the vocabulary of a tokenizer, and its chat template, if the source keeps them.
 * @throws StowkenError TOKENIZER_CHANGED
 */
export async function copyTokenizer(parts: CopyParts, tokenizer: string): Promise<void> {
  if (tokenizer === '') return;
  for (const name of [tokenizer, chatKey(tokenizer)]) await copyKept(parts, name);
}

async function copyKept({ source, target }: CopyParts, name: string): Promise<void> {
  const kept = await source.backend.readTokenizer?.(name);
  if (!kept || (await target.backend.readTokenizer?.(name))?.sha256 === kept.sha256) return;
  await target.backend.commit({ putTokenizer: { name, ...kept } });
}
