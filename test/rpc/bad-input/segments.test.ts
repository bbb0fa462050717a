import { describe } from 'vitest';
import { rawMessage } from '../support/wire.js';
import { badInput, itRefusesMalformed, itRefusesOtherVaults, itRefusesOversize } from './support.js';

const bad = badInput();

/** Tests of single segments' fields are in ../segments.test.ts. */
describe('every method of SegmentService', () => {
  itRefusesMalformed(bad, [
    ['PutSegments', rawMessage([3, Buffer.from([0xff])])],
    ['PutSegments', rawMessage([2, Buffer.from([0x0a, 0x7f, 0x0a])])],
    ['GetSegments', Buffer.from('not a message')],
    ['HasSegments', Buffer.from([0x12, 0x7f])],
    ['AddReferences', rawMessage([2, rawMessage([2, Buffer.from([0xc0, 0xaf])])])],
    ['RemoveReferences', Buffer.from([0x12, 0x7f])],
    ['DeleteSegment', rawMessage([2, Buffer.from([0xff])])],
    ['ListGarbage', Buffer.from([0xff, 0xff])],
  ]);
  itRefusesOversize(bad, ['PutSegments', 'DeleteSegment', 'ListGarbage']);
  itRefusesOtherVaults(bad, [
    ['PutSegments', {}],
    ['GetSegments', {}],
    ['HasSegments', {}],
    ['AddReferences', {}],
    ['RemoveReferences', {}],
    ['DeleteSegment', { hash: '0'.repeat(64) }],
    ['ListGarbage', {}],
  ]);
});
