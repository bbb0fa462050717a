import { agents } from './agents.js';
import { calls } from './calls.js';
import { dataSets } from './data-sets.js';
import { exported } from './exports.js';
import { named } from './named.js';
import type { Sample } from './sample.js';
import { steps } from './steps.js';

export const samples: readonly Sample[] = [...calls, ...exported, ...dataSets, ...named, ...agents, ...steps];
