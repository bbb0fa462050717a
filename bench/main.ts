interface Benchmark {
  /** Subject, in a line of the help text. */
  readonly about: string;
  /** Options besides `--corpus`, as the help text shows them. */
  readonly options?: string;
  readonly load: () => Promise<{ run(argv: readonly string[]): Promise<void> }>;
}

const benchmarks = {
  codec: {
    about: 'bytes and speed of frames, beside zlib, brotli and zstd',
    options: '[--no-zstd]',
    load: () => import('./codec.js'),
  },
  compaction: {
    about: 'savings of a compaction, and latencies of the calls beside it',
    options: '[--no-zstd]',
    load: () => import('./compaction.js'),
  },
  exports: {
    about: 'tokens a second of stowken export to files of Megatron and of Arrow',
    options: '[--tokens N]',
    load: () => import('./exports.js'),
  },
  histories: {
    about: '5 million tokens in one conversation, forked a hundred times (takes no corpus)',
    options: '[--workers N]',
    load: () => import('./histories.js'),
  },
  lists: {
    about: 'bytes of the index of lists and of usage, and what they cost in a large vault (takes no corpus)',
    options: '[--conversations N]',
    load: () => import('./lists.js'),
  },
  postgres: {
    about: 'stores and retrieves of several servers on a database that it starts, beside LMDB and plain SQL',
    options: '[--part NAME...]',
    load: () => import('./postgres/index.js'),
  },
  repeats: {
    about: 'bytes of a vault in which every call repeats its history',
    options: '[--calls FILE]',
    load: () => import('./repeats.js'),
  },
  search: {
    about: 'tokens a second of a search through all text',
    load: () => import('./search.js'),
  },
  segmenter: {
    about: 'bytes, by the lengths of the segments that messages are split into',
    load: () => import('./segmenter.js'),
  },
  serve: {
    about: 'stores and retrieval through the server, beside other servers with the same content',
    options: '[--part NAME...]',
    load: () => import('./serve/index.js'),
  },
  storage: {
    about: 'durable stores, bytes beside the frames, the cost of a large vault',
    options: '[--conversations N]',
    load: () => import('./storage.js'),
  },
  text: {
    about: 'text to tokens and back, beside tiktoken and gpt-tokenizer',
    load: () => import('./text.js'),
  },
} as const satisfies Record<string, Benchmark>;

const help = `npm run bench -- [NAME] [--corpus FILE...] [options]

Runs one benchmark, or all of them. FILE is a file that stowken import reads; without one, conversations are
made up.

${Object.entries<Benchmark>(benchmarks)
  .map(([name, { about, options = '' }]) => `  ${`${name} ${options}`.padEnd(32)} ${about}`)
  .join('\n')}
`;

function failUsage(message: string): void {
  process.stderr.write(`bench: ${message}\n\n${help}`);
  process.exitCode = 2;
}

const isUsageError = (error: unknown): error is Error =>
  error instanceof Error && String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');

async function main(argv: readonly string[]): Promise<void> {
  const [name, ...rest] = argv;
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(help);
    return;
  }
  const isNamed = name !== undefined && !name.startsWith('-');
  if (isNamed && !Object.hasOwn(benchmarks, name)) {
    failUsage(`no benchmark ${name}`);
    return;
  }
  const chosen: readonly Benchmark[] = isNamed
    ? [benchmarks[name as keyof typeof benchmarks]]
    : Object.values(benchmarks);
  try {
    for (const { load } of chosen) await (await load()).run(isNamed ? rest : argv);
  } catch (error) {
    if (!isUsageError(error)) throw error;
    failUsage(error.message.split('. ', 1)[0] ?? '');
  }
}

await main(process.argv.slice(2));
