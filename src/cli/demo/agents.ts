import { article } from './prose.js';
import type { Random } from './random.js';

export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly arguments: readonly string[];
}

/** An agent: all its conversations begin with the same system prompt and tool list. */
export interface Agent {
  readonly application: string;
  readonly model: string;
  readonly tools: readonly Tool[];
  readonly systemPrompt: string;
  /** Pages that its tools find and quote. */
  readonly handbook: readonly string[];
}

interface Sketch {
  readonly application: string;
  readonly model: string;
  readonly title: string;
  readonly tools: readonly Tool[];
}

const sketches: readonly Sketch[] = [
  {
    application: 'support-agent',
    model: 'gpt-4o',
    title: 'Policy of the customer support agent',
    tools: [
      { name: 'find_customer', description: 'Looks a customer up by e-mail.', arguments: ['email'] },
      { name: 'search_handbook', description: 'Finds the page that fits best.', arguments: ['query'] },
      { name: 'open_ticket', description: 'Opens a ticket for a team.', arguments: ['team', 'summary'] },
    ],
  },
  {
    application: 'code-agent',
    model: 'gpt-4.1',
    title: 'Working rules of the code agent',
    tools: [
      { name: 'read_file', description: 'Returns the lines of a file.', arguments: ['path'] },
      { name: 'run_tests', description: 'Runs the tests of a folder.', arguments: ['folder'] },
      { name: 'apply_patch', description: 'Changes a file.', arguments: ['path', 'patch'] },
    ],
  },
  {
    application: 'research-agent',
    model: 'o3',
    title: 'Guidelines of the research agent',
    tools: [
      { name: 'search', description: 'Searches the document store.', arguments: ['query'] },
      { name: 'fetch', description: 'Returns a document.', arguments: ['document'] },
    ],
  },
  {
    application: 'data-agent',
    model: 'gpt-4o-mini',
    title: 'Rules of the data analyst',
    tools: [
      { name: 'run_query', description: 'Runs a query, at most 50 rows.', arguments: ['sql'] },
      { name: 'describe_table', description: 'Lists the columns of a table.', arguments: ['table'] },
    ],
  },
];

export function makeAgents(random: Random): Agent[] {
  return sketches.map(({ application, model, title, tools }) => {
    const schemas = tools.map(({ name, description, arguments: names }) => ({
      type: 'function',
      function: {
        name,
        description,
        parameters: {
          type: 'object',
          properties: Object.fromEntries(names.map((argument) => [argument, { type: 'string' }])),
          required: names,
        },
      },
    }));
    const rules = article(random, title, 5);
    const handbook = Array.from({ length: 6 }, (_, page) => article(random, `Handbook, page ${page + 1}`, 2));
    return {
      application,
      model,
      tools,
      systemPrompt: `${rules}\n\n# Tools\n\n${JSON.stringify(schemas, null, 2)}`,
      handbook,
    };
  });
}
