import type { PartialFile } from '../partial-file.js';
import type { TokenSample } from './format.js';

/** Writes the list that leads from a row back to its conversation: one JSON line a row, in order. */
export function writeSampleId(file: PartialFile, { conversation, tokens }: TokenSample): Promise<void> {
  const { id, application, model, tokenizer } = conversation;
  return file.write(`${JSON.stringify({ id, application, model, tokenizer, tokens: tokens.length })}\n`);
}
