import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { registryIdOf } from '../../../codec/index.js';
import { isStowkenError, StowkenError } from '../../../model/index.js';
import type { Change, ChangeResult, RequestMark } from '../../contract/change.js';
import { closed } from '../../shared/refusals.js';
import { condemn } from '../collect/condemn.js';
import type { Statement } from '../database/driver.js';
import { constraintOf, isFailedCheck, namesNothing, UnknownOutcome } from '../database/failures.js';
import type { PackId } from '../formats/ids.js';
import { keepRegistries } from '../read/registries.js';
import { checkSchema } from '../schema/migrate.js';
import { applyChange, noTicks } from './apply.js';
import { idsOf } from './lookup.js';
import { beginOneTrip, planOneTrip } from './one-trip.js';
import { ChangeOrder } from './order.js';
import type { VaultParts } from './parts.js';
import { chunksOfPut } from './prefixes.js';
import { Replacements } from './replace-frames.js';
import { remember, replayed } from './requests.js';
import { Works } from './works.js';

/** Attempts of a change that meets what others did at the same moment. */
const attemptsMax = 50;

/** A row in the place of one that a change would have added: the change can be committed no more. */
const takePlace: Statement = {
  name: 'part_void',
  text: `insert into part (p, k, c, n, m0, msgs, t0, toks, list, dir, data)
    values ($1, $2, 0, 0, 0, 0, 0, 0, '', '', '')`,
};

const findTaken: Statement = {
  name: 'part_void_find',
  text: 'select k from part where p = $1 and k = $2 and c = 0 and octet_length(dir) = 0',
};

/** Makes changes, each in a transaction of its own. */
export class Committer {
  readonly #order = new ChangeOrder();
  #open = true;

  constructor(private readonly vault: VaultParts) {}

  async commit(change: Change): Promise<ChangeResult> {
    if (!this.#open) throw closed();
    if (change.putRegistry) this.vault.codec.withRegistry(change.putRegistry.bytes); // Refused if damaged.
    try {
      return await this.#order.run(thingsOf(change), () => this.#settled(change));
    } catch (error) {
      // Tables of a later version lack what changes of this one name.
      if (namesNothing(error)) await checkSchema(this.vault.database);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#open = false;
    await this.#order.idle();
  }

  async #settled(change: Change): Promise<ChangeResult> {
    const { vault } = this;
    const condemns = change.collect ?? change.deleteSegments ?? change.dropRegistries;
    // Segments that others condemned later have passed no barrier yet, also if no reader may have them.
    const barrier = condemns ? await condemn(vault, change) : 0;
    const clockMax = condemns ? Math.min(barrier, await vault.presence.readersSaw()) : 0;
    const ticks = { barrier, clockMax };
    const stored = await this.#inOneTrip(change);
    if (stored) return stored;
    let internal: RequestMark | undefined;
    for (let attempt = 0; ; attempt++) {
      let works: Works | undefined;
      let made: ChangeResult | undefined;
      try {
        made = await vault.database.transact(
          async (transaction) => {
            const mark = change.request ?? internal;
            const begun = await Works.begin(transaction, vault, change, mark?.id);
            const { request } = begun.named;
            const madeBefore = internal && replayed(request, internal);
            if (madeBefore) return firstTime(madeBefore);
            ({ works } = begun);
            const replacements = change.replaceFrames && new Replacements(works, change.replaceFrames);
            await replacements?.check();
            const earlier = change.request && replayed(request, change.request);
            if (earlier) return earlier;
            const { result, wrote } = await applyChange(works, replacements, ticks);
            if (change.request) vault.requests.latest = change.request;
            if (mark) remember(transaction, vault.partitions, mark, request, result);
            // A change without rows of its own is told by the row of a request.
            else if (wrote && works.witness === undefined) {
              internal = internalMark(vault.clock());
              remember(transaction, vault.partitions, internal, undefined, result);
            }
            made = result;
            return result;
          },
          { settles: true },
        );
        if (internal) vault.requests.answered.push(internal.id);
        if (made.replayed && change.dropRegistries) await this.#keep(change.dropRegistries, barrier);
        this.#learn(change, made, works);
        return made;
      } catch (error) {
        if (error instanceof UnknownOutcome && made && works) {
          // With a request's mark, the next attempt finds what the first one did.
          if (change.request ?? internal) continue;
          if (await this.#wasMade(works.witness)) {
            this.#learn(change, made, works);
            return made;
          }
          continue;
        }
        if (isStowkenError(error, 'VAULT_NOT_FOUND')) vault.presence.sawGone();
        if (isStowkenError(error, 'REGISTRY_CONFLICT')) await vault.registries.refresh();
        const metOthers = isFailedCheck(error) || constraintOf(error) !== undefined;
        if (metOthers && attempt < attemptsMax) {
          await sleep(attempt === 0 ? 0 : Math.random() * Math.min(100, 2 ** attempt));
          continue;
        }
        if (change.dropRegistries) await this.#keep(change.dropRegistries, barrier);
        throw failed(error);
      }
    }
  }

  /**
   * Makes a store in one trip; resolves to undefined if this process knows too little, or not what is there.
   * A lost connection is settled as that of other changes is.
   */
  async #inOneTrip(change: Change): Promise<ChangeResult | undefined> {
    const { vault } = this;
    const plan = planOneTrip(vault, change);
    if (!plan) return undefined;
    let begun: { readonly works: Works; readonly result: ChangeResult } | undefined;
    try {
      await vault.database.transact(
        async (transaction) => {
          begun = undefined;
          const works = beginOneTrip(transaction, vault, plan);
          const { result } = await applyChange(works, undefined, noTicks);
          if (change.request) {
            vault.requests.latest = change.request;
            remember(transaction, vault.partitions, change.request, undefined, result);
          }
          begun = { works, result };
        },
        { settles: true },
      );
    } catch (error) {
      if (isStowkenError(error, 'STORAGE_UNAVAILABLE')) throw error;
      const isMade =
        error instanceof UnknownOutcome &&
        begun &&
        !change.request &&
        (await this.#wasMade(begun.works.witness));
      if (!isMade) {
        if (begun?.works.prefixes.guessedWrong === true)
          vault.prefixes.wasWrong(chunksOfPut(plan.change.put));
        return undefined;
      }
    }
    vault.prefixes.wasRight(chunksOfPut(plan.change.put));
    this.#learn(change, begun!.result, begun!.works);
    return begun!.result;
  }

  /** Takes back the marks of registries that a change did not drop; housekeeping does it otherwise. */
  async #keep(registries: readonly number[], barrier: number): Promise<void> {
    const { database, partitions } = this.vault;
    for (const p of partitions.all)
      await database.query(keepRegistries, [p, registries, barrier]).catch(() => {});
  }

  /** Resolves to whether a change was made; if not, it never will be. */
  async #wasMade(witness: PackId | undefined): Promise<boolean> {
    if (witness === undefined) return true;
    const { database, partitions } = this.vault;
    const place = [partitions.ofPack(witness), witness];
    try {
      // Waits for the other transaction if it is still under way.
      await database.query(takePlace, place);
      return false;
    } catch (error) {
      if (constraintOf(error) === undefined) throw failed(error);
    }
    // The place is taken: by the change, or by an earlier attempt of this query whose answer was lost.
    return (await database.query(findTaken, place)).length === 0;
  }

  #learn(change: Change, result: ChangeResult, works: Works | undefined): void {
    const { codec, known } = this.vault;
    if (result.replayed) return;
    if (change.putRegistry && !hasRegistry(codec.registries, change.putRegistry.bytes))
      codec.add(change.putRegistry.bytes);
    if (result.dropRegistries) codec.remove(result.dropRegistries);
    if (change.put) {
      const shared = result.put?.unchanged === false ? works?.prefixes.shared : undefined;
      this.vault.prefixes.note(chunksOfPut(change.put), shared);
    }
    const deleted = new Set(change.deleteSegments);
    if (!works) return;
    const { place } = works.transaction;
    this.vault.kinds.note(works.kinds, place);
    for (const { p, state } of works.all) {
      const seen = [...state.segments].filter(([hash]) => !deleted.has(hash));
      if (state.clock === undefined) known.note(seen);
      else known.noteUnder(p, { clock: state.clock, place }, seen);
    }
  }
}

function hasRegistry(registries: readonly { readonly id: number }[], bytes: Uint8Array): boolean {
  return registries.some(({ id }) => id === registryIdOf(bytes));
}

/** Result of a change whose answer was lost: to its caller it was made once. */
function firstTime({ replayed: _, ...result }: ChangeResult): ChangeResult {
  return result;
}

/** A mark that no caller can have. */
function internalMark(timeMs: number): RequestMark {
  const id = `\0${randomBytes(16).toString('hex')}`;
  return { id, digest: '0'.repeat(32), timeMs, notBeforeMs: timeMs - 24 * 60 * 60 * 1000 };
}

/** Things that a change is about, among which this process keeps an order. */
function thingsOf(change: Change): string[] {
  const things = [...idsOf(change)].map((id) => `conversation ${id}`);
  if (change.request) things.push(`request ${change.request.id}`);
  const { putRegistry, dropRegistries, replaceFrames } = change;
  if (putRegistry ?? dropRegistries ?? replaceFrames) things.push('registries');
  const { addReferences, removeReferences, deleteSegments, collect } = change;
  if (addReferences ?? removeReferences ?? deleteSegments ?? collect) things.push('references');
  return things;
}

function failed(error: unknown): unknown {
  if (error instanceof StowkenError) return error;
  const cause = error instanceof Error ? error.message : String(error);
  return new StowkenError('COMMIT_FAILED', `the commit failed: ${cause}`, { cause }, { cause: error });
}
