import { StowkenError, type SegmentHash } from '../model/index.js';

export function conversationNotFound(id: string): StowkenError {
  return new StowkenError('CONVERSATION_NOT_FOUND', `there is no conversation ${JSON.stringify(id)}`, {
    resource_type: 'conversation',
    resource_name: id,
  });
}

export function segmentNotFound(hash: SegmentHash): StowkenError {
  return new StowkenError('SEGMENT_NOT_FOUND', `there is no segment ${hash}`, {
    resource_type: 'segment',
    resource_name: hash,
  });
}
