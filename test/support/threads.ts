import { SearchThreads } from '../../src/vault/index.js';
import { createTokenizers, type TokenizerPool } from '../../src/text/index.js';

let shared: TokenizerPool | undefined;

/**
 * Tokenizers that all tests of a process share: tables that each test would load again. Closing them does
 * nothing; their thread ends with the process.
 */
export function sharedTokenizers(): TokenizerPool {
  shared ??= { ...createTokenizers({ threadsMax: 1 }), close: async () => undefined };
  return shared;
}

let searchThreads: SearchThreads | undefined;

/** Threads of searches that all tests of a process share. They end with the process. */
export function sharedSearchThreads(): SearchThreads {
  return (searchThreads ??= new SearchThreads(1));
}
