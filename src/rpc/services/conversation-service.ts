import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { conversationReads } from './conversation-reads.js';
import { conversationWrites } from './conversation-writes.js';
import type { ServiceScope } from './scope.js';

export function conversationService(scope: ServiceScope): UntypedServiceImplementation {
  return { ...conversationWrites(scope), ...conversationReads(scope) };
}
