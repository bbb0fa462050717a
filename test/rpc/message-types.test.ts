import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { method } from '../../src/client/contract.js';
import { schemaRequest } from '../../src/rpc/requests/parse.js';
import { optional, uint64 } from '../../src/rpc/requests/fields.js';
import { RequestDecoder } from '../../src/rpc/wire/reader.js';
import { ResponseEncoder } from '../../src/rpc/wire/response-encoder.js';

/**
 * protobufjs ignores fields that it does not know: the compiler must refuse them, which `npm run check`
 * tests.
 */
describe('messages', () => {
  it('of the server have the fields of the contract alone, with their types', () => {
    const encoder = new ResponseEncoder('stowken.v1.DeleteConversationResponse');
    // @ts-expect-error a misspelt field
    expect(encoder.encode({ released_reference: 3 })).toHaveLength(0);
    // @ts-expect-error a string for a number
    expect(encoder.encode({ released_references: '3' })).toHaveLength(2);
    expect(encoder.encode({ released_references: 3 })).toHaveLength(2);
    // @ts-expect-error no message of the contract
    expect(() => new ResponseEncoder('stowken.v1.DeleteConversationsReply')).toThrow('no such');
  });

  it('of the server within others are checked too', () => {
    const encoder = new ResponseEncoder('stowken.v1.HasSegmentsResponse');
    // @ts-expect-error a misspelt field of an item
    expect(encoder.encode({ results: [{ fond: true }] })).toHaveLength(2);
    expect(encoder.encode({ results: [{ found: true }] })).toHaveLength(4);
  });

  it('that the server reads have the fields that it looks at', () => {
    const request = Buffer.alloc(0);
    const decoder = new RequestDecoder('stowken.v1.DeleteConversationRequest');
    expect(schemaRequest(decoder, z.object({ allow_missing: z.boolean() }))(request)).toEqual({
      allow_missing: false,
    });
    // @ts-expect-error a misspelt field
    const misspelt = schemaRequest(decoder, z.object({ allowmissing: z.boolean() }));
    expect(() => misspelt(request)).toThrow('allowmissing');
    // @ts-expect-error a misspelt field that may be absent
    const absent = schemaRequest(decoder, z.object({ if_revisoin: optional(uint64) }));
    expect(absent(request)).toEqual({});
  });

  it('of the client have the fields of the contract alone, with their types', () => {
    const { serialize } = method('ConversationService', 'DeleteConversation');
    // @ts-expect-error a misspelt field
    expect(serialize({ identity: 'a' })).toHaveLength(0);
    // @ts-expect-error a name in the contract's spelling, not the client's
    expect(serialize({ allow_missing: true })).toHaveLength(0);
    expect(serialize({ id: 'a' })).toHaveLength(3);
    // @ts-expect-error no method of the contract
    expect(() => method('ConversationService', 'DropConversation')).toThrow('the contract has no');
  });

  it('that the client reads tell which member of a oneof is there', () => {
    const { deserialize } = method('MaintenanceService', 'VerifyVault');
    const message = deserialize(Buffer.from([0x1a, 2, 8, 7]));
    // @ts-expect-error the part may be another one
    expect(message.summary).toBeDefined();
    expect(message.part === 'summary' && message.summary.records).toBe('7');
  });
});
