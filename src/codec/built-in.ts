import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { TokenCore } from '../core/index.js';
import { StowkenError } from '../model/index.js';
import { builtInRegistryId } from './frame.js';
import { Registry } from './registry.js';

/** Frames name this registry for ever: another registry to ship gets a number and a file of its own. */
const BUILT_IN_SHA256 = '5750ef107e80d16906ff4511ffeccbfe80594a0911c3505be423a4ae780460b7';

const loaded = new WeakMap<WebAssembly.Module, Registry>();

/**
 * Loads the registry that is shipped with the program, trained on text with a free licence
 * (registry-0/README.md). A vault uses it until it has one of its own. Loaded on first use, once in a thread;
 * it takes 16 MB.
 * @throws StowkenError INTERNAL if the program's file has another checksum
 */
export function builtInRegistry(core: TokenCore): Registry {
  let registry = loaded.get(core.module);
  if (registry === undefined) {
    const bytes = readFileSync(createRequire(import.meta.url).resolve('#build/registry-0.bin'));
    if (createHash('sha256').update(bytes).digest('hex') !== BUILT_IN_SHA256) {
      throw new StowkenError(
        'INTERNAL',
        `registry ${builtInRegistryId} of the program is not the one that frames name`,
      );
    }
    registry = new Registry(core, bytes);
    loaded.set(core.module, registry);
  }
  return registry;
}
