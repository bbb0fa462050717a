import type { SegmentHash } from '../../../model/index.js';
import { addFigures, noFigures, type Figures } from '../vault-index/figures.js';
import { RegistryUses } from '../vault-index/registry-index.js';
import type { VaultIndex } from '../vault-index/vault-index.js';
import { checkRegistryUses } from './check-registries.js';
import type { Findings } from './findings.js';

/** What a check counts on its way through the files, to be compared with what is kept. */
export class Counted {
  readonly uses = new RegistryUses();
  readonly #references = new Map<SegmentHash, number>();
  #figures = noFigures;

  add(figures: Figures): void {
    this.#figures = addFigures(this.#figures, figures, 1);
  }

  refer(hash: SegmentHash, references: number): void {
    this.#references.set(hash, this.references(hash) + references);
  }

  references(hash: SegmentHash): number {
    return this.#references.get(hash) ?? 0;
  }

  /** When everything is counted. */
  compare(index: VaultIndex, findings: Findings): void {
    for (const [hash, references] of this.#references) {
      if (index.segment(hash)) continue;
      const detail = `${references} manifests or holders refer to it, and it is not stored`;
      findings.report('manifest-segments', `segment ${hash}`, detail);
    }
    checkRegistryUses(index.registries, this.uses, (id, detail) => {
      findings.report('registries', `registry ${id}`, detail);
    });
    for (const name of Object.keys(noFigures) as (keyof Figures)[]) {
      const [kept, counted] = [index.figures[name], this.#figures[name]];
      if (kept !== counted) findings.report('statistics', name, `${kept} is kept, ${counted} was counted`);
    }
  }
}
