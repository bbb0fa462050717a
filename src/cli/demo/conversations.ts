import { article, paragraph, Random, subject } from './prose.js';

export interface DemoMessage {
  readonly role: string;
  readonly tool_call_id?: string;
  readonly content: string;
}

export interface DemoConversation {
  readonly id: string;
  readonly application: string;
  readonly model: string;
  readonly tokenizer: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly messages: readonly DemoMessage[];
}

const tasksOfAgent = 28;
const branchesMax = 4;
const stepsMin = 3;
const stepsMax = 9;

/**
 * Makes conversations like those of agents: the same prompts and tools again and again, and attempts that
 * branch off others.
 */
export function makeConversations(seed: number): DemoConversation[] {
  const random = new Random(seed);
  return makeAgents(random).flatMap((agent) =>
    Array.from({ length: tasksOfAgent }, (_, task) => makeTask(random, agent, task)).flat(),
  );
}

/** Makes one task: a first attempt, and further attempts that differ from some message on. */
function makeTask(random: Random, agent: Agent, task: number): DemoConversation[] {
  const opening: DemoMessage[] = [
    { role: 'system', content: agent.systemPrompt },
    { role: 'user', content: `Please look into ${subject(random)}. ${paragraph(random, 2, 4)}` },
  ];
  const first = [...opening, ...steps(random, agent)];
  const branches = Array.from({ length: random.between(1, branchesMax) - 1 }, () => {
    const kept = random.between(opening.length, first.length - 1);
    return [...first.slice(0, kept), ...steps(random, agent)];
  });
  return [first, ...branches].map((messages, run) => ({
    id: `demo/${agent.application}/task-${task}/run-${run}`,
    application: agent.application,
    model: agent.model,
    tokenizer: 'o200k_base',
    metadata: { task: String(task), run: String(run), outcome: random.pick(['solved', 'solved', 'gave up']) },
    messages,
  }));
}

function steps(random: Random, agent: Agent): DemoMessage[] {
  const count = random.between(stepsMin, stepsMax);
  const taken = Array.from({ length: count }, () => step(random, agent)).flat();
  return [
    ...taken,
    { role: 'assistant', content: `${paragraph(random, 2, 3)}\n\n${paragraph(random, 2, 5)}` },
  ];
}

/** The assistant calls a tool, and the tool answers. */
function step(random: Random, agent: Agent): DemoMessage[] {
  const tool = random.pick(agent.tools);
  const id = `call_${random.hex(24)}`;
  const values = Object.fromEntries(tool.arguments.map((name) => [name, subject(random)]));
  const call = { content: paragraph(random, 1, 2), call: { id, tool: tool.name, arguments: values } };
  return [
    { role: 'assistant', content: JSON.stringify(call) },
    { role: 'tool', tool_call_id: id, content: toolOutput(random, agent) },
  ];
}

function toolOutput(random: Random, agent: Agent): string {
  if (random.fraction() < 0.4) return random.pick(agent.handbook);
  const rows = Array.from({ length: random.between(3, 12) }, () => ({
    id: random.between(10_000, 99_999),
    what: subject(random),
    amount: random.between(100, 99_999) / 100,
    day: `2026-0${random.between(1, 9)}-${random.between(10, 28)}`,
  }));
  return JSON.stringify({ status: 'ok', rows }, null, 1);
}

export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly arguments: readonly string[];
}

/** An agent: all of its conversations begin with the same system prompt and tool list. */
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

function makeAgents(random: Random): Agent[] {
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
