import type { TokenCore } from '../core/index.js';
import { limits } from '../model/index.js';
import { defaultVault } from './names.js';

/** Returns the core of one vault: it remembers no hash of another one. */
export function vaultCore(core: TokenCore, name: string): TokenCore {
  const bytesMax = name === defaultVault ? limits.recentHashesBytesMax : limits.recentHashesOtherBytesMax;
  return core.withOwnHashes(bytesMax);
}

/** Returns the size of a vault's memory of texts that came again. */
export function recentTextsBytesMax(name: string): number {
  return name === defaultVault ? limits.recentTextsBytesMax : limits.recentTextsOtherBytesMax;
}
