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
