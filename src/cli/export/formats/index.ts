import type { AnyFormat } from './format.js';

/** Formats that go to a folder. A format's code is loaded when it is asked for. */
const loaders = {
  megatron: async () => (await import('./megatron.js')).megatron,
  arrow: async () => (await import('./arrow.js')).arrow,
  npy: async () => (await import('./npy.js')).npy,
  mds: async () => (await import('./mds.js')).mds(),
  parquet: async () => (await import('./parquet.js')).parquet,
  openai: async () => (await import('./chat.js')).openai,
  pairs: async () => (await import('./chat.js')).pairs,
} satisfies Readonly<Record<string, () => Promise<AnyFormat>>>;

export type FormatName = keyof typeof loaders;

export const formatNames = Object.keys(loaders) as readonly FormatName[];

export function loadFormat(name: FormatName): Promise<AnyFormat> {
  return loaders[name]();
}
