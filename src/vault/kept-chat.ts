/**
 * Returns the name under which a vault keeps the chat template of a tokenizer, among its vocabularies. No
 * tokenizer of a server has it.
 */
export function chatKey(tokenizer: string): string {
  return `${tokenizer}\0chat`;
}
