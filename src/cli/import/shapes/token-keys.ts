import { isList, isObject, type Json, type JsonObject, valueOf } from './json.js';
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

/** Key of an object with the token ids of a line, and keys in it that name texts elsewhere. */
const keyOfHolder = 'tokens';
const promptKeysInside = [...promptKeys, 'prompt', 'input', 'context'] as const;
const answerKeysInside = [...answerKeys, 'completion', 'response', 'output', 'ids'] as const;

/** Token ids that stand in an object of their own: `"tokens": {"prompt": [...], "completion": [...]}`. */
export interface HeldTokens {
  readonly key: string;
  readonly holder: JsonObject;
  readonly prompt: string | undefined;
  readonly answer: string | undefined;
}

/** Returns the token ids that a value has in an object of their own; undefined without any. */
export function heldTokens(value: JsonObject): HeldTokens | undefined {
  const holder = valueOf(value, keyOfHolder);
  if (!isObject(holder)) return undefined;
  const prompt = keyOfTokens(holder, promptKeysInside);
  const answer = keyOfTokens(holder, answerKeysInside);
  if (prompt === undefined && answer === undefined) return undefined;
  return { key: keyOfHolder, holder, prompt, answer };
}
