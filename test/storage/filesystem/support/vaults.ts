import { tmpdir } from 'node:os';
import { expect } from 'vitest';
import { openFilesystemBackend, type Change, type ManagedBackend } from '../../../../src/storage/index.js';
import { createLiveCodec, frameRegistryId, trainHere } from '../../../../src/codec/index.js';
import { codec, core, longSegment, message, spec, type segment } from '../../../contract/support.js';
import type { SimulatedDisk } from './simulated-disk.js';
import { messagesOf } from '../../../support/snapshots.js';

const clock = () => 1_000;

/** A backend on a simulated disk; nothing is written to the real one. */
export function openSimulated(disk: SimulatedDisk): Promise<ManagedBackend> {
  return openFilesystemBackend({
    folder: tmpdir(),
    codec: createLiveCodec(core),
    core,
    clock,
    disk,
    lock: false,
  });
}

/** Returns everything in a vault, as plain data that can be compared. */
export async function contentOf(backend: ManagedBackend) {
  const { conversations } = await backend.listConversations({
    filter: {},
    order: 'oldestFirst',
    limit: 1000,
    scanLimit: 1000,
  });
  const contents = await Promise.all(
    conversations.map(async (conversation) => {
      const snapshot = await backend.openConversation(conversation.id);
      const keys = (await messagesOf(snapshot!)).flatMap(({ segments }) => segments.map(({ key }) => key));
      snapshot!.release();
      const frames = await backend.readFrames(keys);
      const references = await backend.countReferences(keys);
      return { conversation, references, frames: frames.map((frame) => Buffer.from(frame).toString('hex')) };
    }),
  );
  const { segments, garbageSegments } = await backend.stats();
  return { contents, segments, garbageSegments, registries: await backend.listRegistries() };
}

export type Content = Awaited<ReturnType<typeof contentOf>>;

/** Changes that are committed together; they may depend on the stored content. */
export type ScenarioStep = (backend: ManagedBackend) => Promise<readonly Change[]>;

/** Runs one step after the other until one fails; returns how many were acknowledged. */
export async function runScenario(backend: ManagedBackend, steps: readonly ScenarioStep[]): Promise<number> {
  for (const [index, step] of steps.entries()) {
    if ((await runStep(backend, step)).includes(false)) return index;
  }
  return steps.length;
}

/** Returns for each change of a step whether it was committed. */
export async function runStep(backend: ManagedBackend, step: ScenarioStep): Promise<boolean[]> {
  const changes = await step(backend);
  const settled = await Promise.allSettled(changes.map((change) => backend.commit(change)));
  return settled.map(({ status }) => status === 'fulfilled');
}

export function replacing(
  id: string,
  revision: number,
  segments: readonly ReturnType<typeof segment>[],
): Change {
  return {
    newSegments: segments,
    put: {
      spec: spec(id),
      messages: segments.map((each) => message('user', each)),
      expect: { kind: 'revision', revision },
      timeMs: 2_000,
    },
  };
}

export const collecting: ScenarioStep = async (backend) => {
  const { segments } = await backend.listGarbage({ limit: 100, garbageBeforeMs: Infinity });
  return [{ collect: { keys: segments.map(({ key }) => key), garbageBeforeMs: Infinity } }];
};

/** A registry, and a segment that is coded with it. */
export const coded = longSegment(300, 1);
export const registry = trainHere(core.module, [codec.decode(coded.frame)], { id: 1 });

const codedFrame = codec.withRegistry(registry).encode(codec.decode(coded.frame));

/** Replaces that segment's plain frame by the registry's, or the other way round. */
export function rewriting(withRegistry: boolean): ScenarioStep {
  expect(frameRegistryId(codedFrame)).toBe(1);
  const frames = { expected: coded.frame, frame: codedFrame };
  const back = { expected: codedFrame, frame: coded.frame };
  return async (backend) => {
    const [stored] = await backend.findSegments([coded.hash]);
    if (!stored) return [];
    const replacement = { key: stored.key, ...(withRegistry ? frames : back) };
    return [{ replaceFrames: [replacement], dropRegistries: [1] }];
  };
}

export function committing(...changes: readonly Change[]): ScenarioStep {
  return async () => changes;
}

/** Expects the state of a vault: after the acknowledged steps, or one more that was not. */
export async function expectOneOf(backend: ManagedBackend, states: readonly Content[], note: string) {
  const violations = await backend.check();
  expect(violations, note).toEqual([]);
  expect(states, note).toContainEqual(await contentOf(backend));
}
