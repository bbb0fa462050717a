import { createHash } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import type { Fields, TestClient } from './client.js';

export const words = (...tokens: number[]) => Buffer.from(Uint32Array.from(tokens).buffer);
export const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
/** Returns the name of the segment of these tokens. */
export const nameOf = (...tokens: number[]) => hashOf(words(...tokens));
export const ids = (...tokens: number[]) => ({ tokens: { ids: tokens } });

export const ok = { code: status.OK, reason: '' };
export const notFound = (hash: string) => ({
  code: status.NOT_FOUND,
  reason: 'SEGMENT_NOT_FOUND',
  metadata: { resource_type: 'segment', resource_name: hash },
});

/** Calls of SegmentService through the client of the moment. */
export function segmentCalls(client: () => TestClient) {
  const results = async (method: string, request: Fields) =>
    (await client().unary(method, request))['results'] as Fields[];
  return {
    results,
    put: (holder: string, ...segments: Fields[]) => results('PutSegments', { holder, segments }),
    refCounts: async (...hashes: string[]): Promise<unknown[]> => {
      const found = await results('HasSegments', { hashes });
      return found.map((each) => (each['found'] === true ? each['ref_count'] : undefined));
    },
    garbage: async (): Promise<unknown[]> => {
      const { segments } = await client().unary('ListGarbage', {});
      return (segments as Fields[]).map(({ hash }) => hash);
    },
  };
}
