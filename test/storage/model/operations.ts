import fc from 'fast-check';
import { registries, SEGMENTS } from './samples.js';

const ids = ['a', 'ab', 'abc', 'b', 'ba', '../x', 'ü', 'conversation/1', 'conversation/2', 'conversation/10'];
const id = fc.constantFrom(...ids);
const segment = fc.nat({ max: SEGMENTS - 1 });
const segments = fc.array(segment, { minLength: 1, maxLength: 12 });
/** Registry that codes a frame; 0: none. One that is not stored is refused. */
const coding = fc.nat({ max: registries.length });
const holding = fc.record({ segment, holder: fc.constantFrom('h', 'i', 'a') });

const message = fc.record({
  role: fc.constantFrom('user', 'assistant', 'tool', ''),
  name: fc.constantFrom('', '', 'nick'),
  toolCallId: fc.constantFrom('', '', 'call_1'),
  segments: fc.array(segment, { maxLength: 3 }),
});

/** Parts of a change, from which both backends' changes are made. */
const parts = {
  bring: fc.record({ segments, coding: fc.oneof(fc.constant(0), coding) }),
  put: fc.record({
    id,
    messages: fc.array(message, { maxLength: 6 }),
    metadata: fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('', 'v')),
    expects: fc.constantFrom('same', 'current', 'none', 'second'),
    /** Segments, of ten, that are part of the change, less one. */
    brings: fc.integer({ min: 5, max: 9 }),
    coding: fc.oneof(fc.constant(0), coding),
  }),
  append: fc.record({
    id,
    messages: fc.array(message, { maxLength: 4 }),
    current: fc.boolean(),
    brings: fc.integer({ min: 5, max: 9 }),
    coding: fc.oneof(fc.constant(0), coding),
  }),
  fork: fc.record({
    id,
    newId: id,
    messageCount: fc.option(fc.nat({ max: 7 }), { nil: undefined }),
    current: fc.boolean(),
  }),
  /** Few ids, and rarely another digest: most repeated requests are the same. */
  request: fc.record({
    id: fc.constantFrom('r', 's', 't', 'u'),
    digest: fc.oneof({ weight: 5, arbitrary: fc.constant('0') }, { weight: 1, arbitrary: fc.constant('1') }),
  }),
  delete: fc.record({ id, current: fc.boolean() }),
  add: fc.array(holding, { minLength: 1, maxLength: 4 }),
  remove: fc.array(holding, { minLength: 1, maxLength: 4 }),
  deleteSegments: segments,
  registry: fc.integer({ min: 1, max: registries.length }),
  replace: fc.record({
    segments,
    coding,
    /** Rarely another frame than the stored one, or other tokens. */
    fault: fc.oneof(
      { weight: 12, arbitrary: fc.constant('none' as const) },
      { weight: 1, arbitrary: fc.constantFrom('stale' as const, 'otherTokens' as const) },
    ),
  }),
  drop: fc.array(fc.integer({ min: 1, max: registries.length }), { minLength: 1, maxLength: 4 }),
  /** Part of the garbage to collect, and its age. */
  collect: fc.integer({ min: 1, max: 4 }),
};

const sometimes = <T>(part: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: part });

const mixed = fc.record({
  bring: sometimes(parts.bring),
  put: sometimes(parts.put),
  append: sometimes(parts.append),
  fork: sometimes(parts.fork),
  request: sometimes(parts.request),
  delete: sometimes(parts.delete),
  add: sometimes(parts.add),
  remove: sometimes(parts.remove),
  deleteSegments: sometimes(parts.deleteSegments),
  registry: sometimes(parts.registry),
  replace: sometimes(parts.replace),
  drop: sometimes(parts.drop),
  collect: sometimes(parts.collect),
});
export type ChangePlan = Partial<typeof mixed extends fc.Arbitrary<infer T> ? T : never>;

const only = (weight: number, key: keyof typeof parts): fc.WeightedArbitrary<ChangePlan> => ({
  weight,
  arbitrary: parts[key as 'registry'].map((part): ChangePlan => ({ [key]: part })),
});
const change: fc.Arbitrary<ChangePlan> = fc.oneof(
  only(2, 'bring'),
  only(8, 'put'),
  only(5, 'append'),
  only(3, 'fork'),
  only(3, 'delete'),
  only(2, 'add'),
  only(2, 'remove'),
  only(1, 'deleteSegments'),
  only(2, 'registry'),
  only(5, 'replace'),
  only(2, 'drop'),
  only(2, 'collect'),
  { weight: 5, arbitrary: mixed },
);

export const operation = fc.oneof(
  { weight: 24, arbitrary: fc.record({ kind: fc.constant('change' as const), change }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('together' as const),
      changes: fc.array(change, { minLength: 2, maxLength: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('open' as const), id }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 50 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('defragment' as const) }) },
);
export type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
