import { DEFAULT_ENCODING, encodingNames, modelToEncodingMap } from 'gpt-tokenizer/mapping';
import * as models from 'gpt-tokenizer/models';

export type EncodingName = (typeof encodingNames)[number];

export const knownEncodings: readonly EncodingName[] = encodingNames;

/** Every model that the library lists has its default encoding, unless its map says otherwise. */
const encodings: ReadonlyMap<string, EncodingName> = new Map<string, EncodingName>([
  ...Object.keys(models).map((name) => [name, DEFAULT_ENCODING] as const),
  ...Object.entries<EncodingName>(modelToEncodingMap),
  ...encodingNames.map((name) => [name, name] as const),
]);

/** The encoding behind an encoding's or a model's name. */
export function resolveEncodingName(name: string): EncodingName | undefined {
  return encodings.get(name);
}
