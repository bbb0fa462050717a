/** Sentences with slots: {x} is replaced by an entry of the list x. */
const sentences = [
  'The {thing} {verb} when the {part} is {state}, so {advice}.',
  'Before you touch the {part}, {advice}; the {thing} keeps a copy of it for {number} days.',
  'In {number} of {number} cases the {thing} was {state} because the {part} had not been {done}.',
  'A {state} {part} is not an error by itself: the {thing} {verb} again after {number} minutes.',
  'If the {thing} {verb} twice in a row, {advice} and note the request id.',
  'Our {team} team owns the {part}; they answer within {number} hours on working days.',
  'Since release {number}.{number} the {part} can be {done} without stopping the {thing}.',
  'You can tell from the log: a line with "{part}" and "{state}" comes every {number} seconds.',
  'Nothing is lost while the {thing} is {state}, but the {part} grows by about {number} MB a day.',
  'For accounts with more than {number} users, {advice} first.',
];

const words: Readonly<Record<string, readonly string[]>> = {
  thing: [
    'billing service',
    'export job',
    'search index',
    'mobile app',
    'payment gateway',
    'scheduler',
    'data pipeline',
  ],
  part: [
    'retry queue',
    'session cache',
    'audit trail',
    'access token',
    'invoice draft',
    'schema migration',
    'webhook',
  ],
  state: [
    'stale',
    'locked',
    'half-written',
    'paused',
    'over its quota',
    'waiting for approval',
    'out of sync',
  ],
  verb: [
    'stops',
    'starts over',
    'answers slowly',
    'skips the batch',
    'asks for a new login',
    'falls back to the old copy',
  ],
  done: ['rotated', 'rebuilt', 'confirmed', 'archived', 'replayed', 'signed off'],
  team: ['platform', 'payments', 'data', 'on-call', 'security', 'partner'],
  advice: [
    'check the status page',
    'ask the customer for the exact time',
    'take a snapshot',
    'compare both totals',
    'run the dry run',
    'wait for the nightly job',
  ],
};

function sentence(random: Random): string {
  return random.pick(sentences).replace(/\{(\w+)\}/g, (_, slot: string) => {
    const list = words[slot];
    return list === undefined ? String(random.between(2, 90)) : random.pick(list);
  });
}

export function paragraph(random: Random, sentencesMin: number, sentencesMax: number): string {
  const count = random.between(sentencesMin, sentencesMax);
  return Array.from({ length: count }, () => sentence(random)).join(' ');
}

/** Makes a page of a handbook: a title and numbered sections. */
export function article(random: Random, title: string, sections: number): string {
  const bodies = Array.from({ length: sections }, (_, index) => {
    const heading = `${random.pick(words['thing']!)}: ${random.pick(words['part']!)}`;
    return `## ${index + 1}. ${heading}\n\n${paragraph(random, 3, 6)}\n\n${paragraph(random, 2, 4)}`;
  });
  return `# ${title}\n\n${bodies.join('\n\n')}`;
}

export function subject(random: Random): string {
  return `the ${random.pick(words['part']!)} of the ${random.pick(words['thing']!)}`;
}

/**
 * Repeatable random numbers: the same seed gives the same conversations. Mulberry32, by Tommy Ettinger
 * (public domain).
 */
export class Random {
  constructor(private state: number) {}

  /** Returns a number from 0 (inclusive) to 1 (exclusive). */
  fraction(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Returns a whole number, both ends included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)]!;
  }

  /** Returns hex digits. */
  hex(digits: number): string {
    return Array.from({ length: digits }, () => this.between(0, 15).toString(16)).join('');
  }
}
