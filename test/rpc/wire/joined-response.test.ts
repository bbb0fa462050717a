import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeJoinedOfMany } from '../../../src/rpc/wire/joined-response.js';
import { message } from '../support/client.js';

const ordinary = message('stowken.v1.RetrieveConversationsResponse');

it('joined messages are read by the ordinary decoder as what they are', () => {
  const described = fc.record({
    role: fc.oneof(fc.constantFrom('user', 'assistant'), fc.string({ unit: 'binary', maxLength: 20 })),
    tokenCount: fc.oneof(fc.constant(0), fc.maxSafeNat()),
  });
  fc.assert(
    fc.property(
      fc.nat({ max: 0xffff_ffff }),
      fc.array(fc.uint8Array({ maxLength: 200 })),
      fc.array(described),
      (index, pieces, messages) => {
        const bytes = encodeJoinedOfMany(index, { kind: 'joined', pieces, messages });
        const roles = [...new Set(messages.map(({ role }) => role))];
        const joined = {
          tokens_le32: Buffer.concat(pieces),
          token_counts: messages.map(({ tokenCount }) => tokenCount),
          message_roles: messages.map(({ role }) => roles.indexOf(role)),
          roles,
        };
        const expected = ordinary.serialize({ parts: [{ joined, index, status: {} }] });
        expect(ordinary.deserialize(bytes)).toEqual(ordinary.deserialize(expected));
        expect(bytes.length).toBeLessThanOrEqual(expected.length);
      },
    ),
  );
});
