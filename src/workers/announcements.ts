import type { Change, ManagedBackend, MaintainedBackend } from '../storage/index.js';
import type { Channel } from './channel.js';
import { forwardReads, type Reads, type WorkerHandlers } from './handlers.js';

/** A worker, as far as messages about vaults are concerned. */
export interface Listener {
  /** True if it receives messages: a message sent to a process before that is lost. */
  readonly isListening: boolean;
  readonly channel: Channel<WorkerHandlers>;
}

type Name = keyof WorkerHandlers['calls'];

/** Messages of the process that owns the vaults to the workers that have them open. */
export class Announcements {
  /** Workers, and the vaults that each has open. */
  readonly #open = new Map<Listener, Set<string>>();

  add(listener: Listener): void {
    this.#open.set(listener, new Set());
  }

  remove(listener: Listener): void {
    this.#open.delete(listener);
  }

  opened(listener: Listener, vault: string): void {
    this.#open.get(listener)?.add(vault);
  }

  closed(listener: Listener, vault: string): void {
    this.#open.get(listener)?.delete(vault);
  }

  /**
   * Sends a message to every worker that has a vault open; to all of them without a vault. Resolves when each
   * has answered or ended: one that does not answer is killed.
   */
  async send<N extends Name>(
    name: N,
    argument: Parameters<WorkerHandlers['calls'][N]>[0],
    vault?: string,
  ): Promise<void> {
    const sent = [...this.#open]
      .filter(([{ isListening }, vaults]) => isListening && (vault === undefined || vaults.has(vault)))
      .map(([{ channel }]) => channel.call(name, argument as never));
    await Promise.allSettled(sent);
  }

  /** Returns a backend whose commits are announced to the workers that have the vault open. */
  announced(vault: string, owned: ManagedBackend, onCommit: () => void): MaintainedBackend {
    const backend = owned as MaintainedBackend & Reads;
    const commit = async (change: Change) => {
      // Idle workers hold leases too, which would retain garbage that nobody reads.
      if (change.collect ?? change.deleteSegments) await this.send('renewLease', vault, vault);
      try {
        return await backend.commit(change);
      } finally {
        onCommit();
        if (change.putRegistry ?? change.dropRegistries) {
          // Workers encode with the newest one from now on.
          const ids = (await backend.listRegistries()).map(({ id }) => id);
          await this.send('setRegistries', { vault, ids }, vault);
        }
      }
    };
    return {
      ...forwardReads(() => backend),
      kind: backend.kind,
      vaultId: backend.vaultId,
      commit,
      repair: (check) => backend.repair(check),
      reclaimableBytes: (signal) => backend.reclaimableBytes(signal),
      defragment: (signal) => backend.defragment(signal),
      dropUsage: (beforeMs, signal) => backend.dropUsage(beforeMs, signal),
      forget: (query) => backend.forget(query),
      overwriteUnused: async (options) => {
        await this.send('renewLease', vault, vault);
        return backend.overwriteUnused(options);
      },
      space: () => backend.space(),
      giveBack: (options) => backend.giveBack(options),
      lease: (options) => backend.lease(options),
      tryLease: (name) => backend.tryLease(name),
      health: () => backend.health(),
      close: () => backend.close(),
    };
  }
}
