import { isList, type Json, type JsonObject, valueOf } from './json.js';
import { isTokens } from './messages.js';

/** Keys of the token ids of what was asked. */
export const promptKeys = [
  'prompt_token_ids',
  'prompt_ids',
  'input_ids',
  'prompt_tokens',
  'query_ids',
] as const;

/** Keys of the token ids of an answer. */
export const answerKeys = [
  'token_ids',
  'response_ids',
  'output_ids',
  'completion_ids',
  'response_token_ids',
  'completion_token_ids',
  'output_token_ids',
  'tokens',
] as const;

/** Returns the first key that has token ids, or lists of them, such as those of several turns. */
export function keyOfTokens(value: JsonObject, keys: readonly string[]): string | undefined {
  return keys.find((key) => holdsTokens(valueOf(value, key)));
}

function holdsTokens(value: Json | undefined): boolean {
  if (!isList(value) || value.length === 0) return false;
  return isTokens(value) || value.every((each) => isList(each) && each.length > 0 && isTokens(each));
}
