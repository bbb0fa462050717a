import type { Json } from '../../../../src/cli/import/shapes/index.js';

/** A document of a shape: the shape that it is, and what is stored of it. */
export interface Sample {
  readonly format: string;
  readonly document: Json;
  /** Messages, as "role: content". */
  readonly messages: readonly string[];
  readonly id?: string;
  readonly model?: string;
}

export const call = { id: 'call_9', type: 'function', function: { name: 'sum', arguments: '{"a":1}' } };
export const envelope = (rest: object) => JSON.stringify({ content: null, ...rest });
