/** A yes or no, with words for people. */
export interface Readiness {
  readonly ready: boolean;
  readonly words: string;
}

/** State of a server between its start and its end. */
export class Lifecycle {
  #phase: 'starting' | 'serving' | 'draining' = 'starting';
  #obstacle: () => string | undefined = () => undefined;

  /** `obstacle` returns the reason why calls would be refused, if there is one. */
  serve(obstacle: () => string | undefined): void {
    this.#phase = 'serving';
    this.#obstacle = obstacle;
  }

  drain(): void {
    this.#phase = 'draining';
  }

  get readiness(): Readiness {
    if (this.#phase !== 'serving') return { ready: false, words: `the server is ${this.#phase}` };
    const obstacle = this.#obstacle();
    return obstacle === undefined ? { ready: true, words: 'serving' } : { ready: false, words: obstacle };
  }
}
