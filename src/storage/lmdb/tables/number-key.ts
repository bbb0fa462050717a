/** Keys for numbers that may outgrow 32 bits: six bytes, big-endian, so that they sort as the numbers do. */
const NUMBER_KEY_BYTES = 6;

export function numberKey(number: number): Buffer {
  const key = Buffer.allocUnsafe(NUMBER_KEY_BYTES);
  key.writeUIntBE(number, 0, NUMBER_KEY_BYTES);
  return key;
}

export function numberOfKey(key: Buffer): number {
  return key.readUIntBE(0, NUMBER_KEY_BYTES);
}
