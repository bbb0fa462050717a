import type { Command } from 'commander';
import { isClientError, type StowkenClient } from '../../client/index.js';
import { type Conversation, printable, shellWord } from '../../model/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatTime, plainConversation, plural } from '../format.js';
import { filled } from '../options.js';

interface Options extends ServerOption {
  readonly json?: true;
}

/** A conversation of a family, and how many forks it is away from the first one. */
interface Member {
  readonly conversation: Conversation;
  readonly depth: number;
}

/** Conversations whose forks are looked up together. */
const PARENTS_AT_ONCE = 100;

const epilogue = `
Example:
  stowken tree run-1         # the one that was asked for has a star`;

/** `stowken tree` */
export function addTree(program: Command, context: Context, done: Done): void {
  withServer(program.command('tree'))
    .argument('<id>', 'a conversation of the family', filled)
    .description('show the family of a conversation: what it was forked from, and all forks')
    .option('--json', 'one JSON object per line, parents before their forks')
    .addHelpText('after', epilogue)
    .action(async (id: string, options: Options) => {
      const { output } = context;
      const family = await withClient(options, context, (client) => familyOf(client, id));
      for (const { conversation, depth } of family) {
        if (options.json) await output.json({ ...plainConversation(conversation), depth });
        else await output.line(line(conversation, depth, conversation.id === id));
      }
      done(exitCodes.done);
    });
}

/** Returns the family in the order in which a tree is written: each conversation, then its forks. */
async function familyOf(client: StowkenClient, id: string): Promise<Member[]> {
  const forks = new Map<string, Conversation[]>();
  const first = await firstOf(client, id);
  const known = new Set([first.id]);
  for (let parents = [first.id]; parents.length > 0;) {
    const next: string[] = [];
    for (let at = 0; at < parents.length; at += PARENTS_AT_ONCE) {
      const values = parents.slice(at, at + PARENTS_AT_ONCE);
      const filter = { conditions: [{ field: 'parentId' as const, values }] };
      for await (const fork of client.list({ filter, order: 'oldestFirst', pageSize: 1000 })) {
        if (known.has(fork.id)) continue;
        known.add(fork.id);
        forks.set(fork.parentId, [...(forks.get(fork.parentId) ?? []), fork]);
        next.push(fork.id);
      }
    }
    parents = next;
  }
  const family: Member[] = [];
  const open: Member[] = [{ conversation: first, depth: 0 }];
  for (let member = open.pop(); member; member = open.pop()) {
    family.push(member);
    const { conversation, depth } = member;
    const children = forks.get(conversation.id) ?? [];
    open.push(...children.toReversed().map((fork) => ({ conversation: fork, depth: depth + 1 })));
  }
  return family;
}

/** Follows parents up to one that was not forked, or whose parent is gone. */
async function firstOf(client: StowkenClient, id: string): Promise<Conversation> {
  let { conversation } = await client.get(id);
  const passed = new Set([conversation.id]);
  while (conversation.parentId !== '' && !passed.has(conversation.parentId)) {
    try {
      ({ conversation } = await client.get(conversation.parentId));
    } catch (error) {
      if (isClientError(error, 'CONVERSATION_NOT_FOUND')) break;
      throw error;
    }
    passed.add(conversation.id);
  }
  return conversation;
}

function line(conversation: Conversation, depth: number, isAsked: boolean): string {
  const { id, createTimeMs, messageCount, model } = conversation;
  const facts = [formatTime(createTimeMs), printable(model), plural(messageCount, 'message')];
  const mark = isAsked ? '* ' : '  ';
  return `${mark}${'  '.repeat(depth)}${shellWord(id)}  ${facts.filter(Boolean).join('  ')}`;
}
