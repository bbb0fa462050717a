// The part of the WebAssembly interface that is used here. Node has it, but its types leave it to the DOM
// library, which would bring a browser's globals into a server.
declare namespace WebAssembly {
  class Module {
    readonly #brand;
  }
  class Instance {
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>);
    readonly exports: unknown;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  interface Global {
    readonly value: number;
  }
  function compile(bytes: Uint8Array): Promise<Module>;
}
