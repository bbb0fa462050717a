/** `npm run bench -- NAME [--corpus FILE...]`: runs one benchmark, or all of them. */
const benchmarks = {
  codec: () => import('./codec.js'),
  compaction: () => import('./compaction.js'),
  histories: () => import('./histories.js'),
  repeats: () => import('./repeats.js'),
  segmenter: () => import('./segmenter.js'),
  serve: () => import('./serve/index.js'),
  storage: () => import('./storage.js'),
  text: () => import('./text.js'),
} as const;

const [name, ...rest] = process.argv.slice(2);
if (name === undefined || name.startsWith('--')) {
  for (const load of Object.values(benchmarks)) await (await load()).run(process.argv.slice(2));
} else if (Object.hasOwn(benchmarks, name)) {
  await (await benchmarks[name as keyof typeof benchmarks]()).run(rest);
} else {
  process.stderr.write(`bench: no benchmark ${name}; there are ${Object.keys(benchmarks).join(', ')}\n`);
  process.exitCode = 2;
}
