/** Kinds of refusals that are told from a line's bytes. */
export const notAnObject = 'not a JSON object';
export const notJson = 'not JSON';

/** Error of a line that is not a conversation; the message gives the reason. */
export class BadLine extends Error {
  override readonly name = 'BadLine';

  constructor(
    message: string,
    /** The message without the numbers that belong to this line only. */
    readonly kind = message.replace(/\[\d+\]/g, '[]'),
  ) {
    super(message);
  }
}

/** Error of a line whose keys, and the kinds of whose values, are those of no conversation. */
export class BadShape extends BadLine {
  constructor(
    message: string,
    kind?: string,
    /** True if the line would be taken if it had sentences under the same keys. */
    readonly hasNoSentences = false,
  ) {
    super(message, kind);
  }
}
