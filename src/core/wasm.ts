import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

export type CoreBuild = 'release' | 'debug';

const require = createRequire(import.meta.url);
const modules = new Map<CoreBuild, Promise<WebAssembly.Module>>();

/** Compiles the core once per build and process; its instances are cheap. */
export function compileCore(build: CoreBuild): Promise<WebAssembly.Module> {
  let module = modules.get(build);
  if (module === undefined) {
    module = readFile(require.resolve(`#build/core.${build}.wasm`)).then((bytes) =>
      WebAssembly.compile(bytes),
    );
    modules.set(build, module);
  }
  return module;
}

/**
 * Exports of assembly/varint.ts and measure.ts. Arguments and results are lengths and counts; negative
 * results are refusals.
 */
export interface VarintExports {
  readonly memory: WebAssembly.Memory;
  readonly INPUT: WebAssembly.Global;
  readonly INPUT_BYTES: WebAssembly.Global;
  readonly OUTPUT: WebAssembly.Global;
  readonly tokenCount: () => number;
  readonly consumed: () => number;
  readonly canonicalise: (length: number) => number;
  readonly packLe32: (count: number) => number;
  readonly unpackLe32: (length: number) => number;
  readonly measure: (length: number) => number;
  readonly measured: () => number;
  readonly skip: (length: number, tokens: number) => number;
}

/** Creates an instance. The only import of the module is `abort`, which only a bug can reach. */
export function instantiate(module: WebAssembly.Module): unknown {
  return new WebAssembly.Instance(module, {
    env: {
      abort(_message: number, _file: number, line: number, column: number): never {
        throw new Error(`assertion failed in the token core at line ${line}, column ${column}`);
      },
    },
  }).exports;
}
