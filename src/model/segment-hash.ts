declare const segmentHash: unique symbol;
/**
 * SHA-256 over a segment's tokens as le32 (4-byte little-endian), in lower-case hex (64 characters). Other
 * texts (ids of conversations, names of holders) are not taken for one.
 */
export type SegmentHash = string & { readonly [segmentHash]: true };

/** True for a text that may be the hash of a segment. */
export function isSegmentHash(text: string): text is SegmentHash {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Returns the hash with these 32 bytes. */
export function segmentHashOf(sha256: Buffer): SegmentHash {
  return sha256.toString('hex') as SegmentHash;
}
