const setOf = (words: string): ReadonlySet<string> => new Set(words.split(' '));

/** Keys by which some shape knows a line, or a part of it, in small letters. */
const keys = setOf(
  '$1 $stowken __proto__ _call _call_output _id a action agent agentid ai-title alpaca and another ' +
    'answers anthropic anywhere application arg_0 args arguments article as atif author base64 batch- batch-input bubbleid ' +
    'batch-output boolean cache_control call_id call_type candidates canonical_solution category ' +
    'channel character_name chat chat_metadata chat.completion.chunk chat.messages chat_history chats claude-code cluster codex ' +
    'columns compact compacted compaction completion_ids completion_token_ids completions config contents ' +
    'context conversation conversation_history conversation_id conversations create_date create_time created cursor pi session version ' +
    'created_at createdat creation_time current_node currentid custom-title custom_id data date ' +
    'date_unixtime datetime delta dialog dialogs dialogue dialogue_id dialogues discord do doc ' +
    'docstring document else entries environment evals event_id event_msg events exactly examples ' +
    'expire_time file-history-snapshot final_report finish_reason from from_user fromuser full_conversation function_call ' +
    'function_call_output function_calls g gemini gen_args_0 generated_solution generated_text ' +
    'generations ground_truth has helm hex highlights history holds huggingface-chat ids idx in index ' +
    'input_ids input_messages input_text inputs instance instance_id instances invocation_params is ' +
    'integrity is_user isbot isuser issidechain it item_reference items its joined json keep key known kwargs langfuse langsmith ' +
    'leafuuid line list litellm litellm_call_id litellm_params lm-eval logs ls_model_name mapping ' +
    'mcp_approval_request mcp_approval_response mcp_list_tools message.content message.role messages ' +
    'model_name model_patch modelparameters modelversion name named-pair nan nemo-gym nested not ' +
    'nothing number object observation observationid of one open-webui openai-chat openai-completion ' +
    'openai-stream or out output_ids output_text output_token_ids outputs packed params parent ' +
    'parent_id parentid part parts payload post preference problem_statement problems projectid prompt- ' +
    'completion prompt.raw prompt_id prompt_ids prompt_token_ids prompt_tokens promptfoo provider ' +
    'parameters proxy_server_request q qid query_ids question_id questions queue-operation range raw read readers ' +
    'reasoning_content reasoning_text record record_type records redacted_thinking refusal ' +
    'rejected_response replies request-response request_datetime request_id request_states request_time ' +
    'requests response_ids response_item response_token_ids responses responses_create_params resps ' +
    'results rid role rows run_id run_type runs said samples sender server_tool_use service ' +
    'session_meta sessionid sessions sha256 shape sharegpt sillytavern simulations slice source speaker speaker_id ' +
    'speaker_idx spec src start_time step_id steps started_at startedat starttime string stringvalue success ' +
    'summary_text swe-agent system_instruction system_prompt systeminstruction t targets task_id tasks ' +
    'telegram text_input texts tgt that thinking threads time timestamp user_name token-ids token_ids tokenizer ' +
    'tokens tool tool_call_id tool_calls tool_result tool_use trace_id traceid traces train traj ' +
    'trajectories trajectory turn_context type under user_input utterances uuid validation vars verl ' +
    'with without yyyy-mm-dd zone',
);

/** Words by which some shape knows the name of a text. */
const words = setOf(
  'agent agents ai alternatives annotations answer apis asked asks assistant at bad best better body bot bots by ' +
    'caller chatgpt choices chosen claude code completion content continuation critique diff ' +
    'dispreferred distractors doctor endings event expected explanation extra full function functions ' +
    'generation goal gold good gpt greeting groundtruth human id ideal ies incorrect info input instruction ' +
    'instructions intent judgement judgment level levelname log logger loglevel lose lvl mes message meta ' +
    'metadata model models moss msg no nr options output part patch patient pred predicted prediction ' +
    'preferred problem prompt prompter query question rationale reasoning reference rejected reply ' +
    'request response result sampled says schema schemas severity snippet solution sql statement stem ' +
    'student summary system target task teacher test tests text thought tools topic truth ts turn turns ' +
    'user users utterance value win worse worst',
);

/**
 * True if a shape may know a line by this key, or by a word in it; false only if none can. A test compares
 * the lists with the literals of the shapes.
 */
export function isTelling(key: string): boolean {
  const small = key.toLowerCase();
  if (keys.has(small)) return true;
  // Most keys have no capital letters, and most words no plural.
  const apart = small === key ? small : key.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return apart.split(/[^a-z]+/).some((part) => words.has(part) || words.has(singular(part)));
}

function singular(word: string): string {
  if (!word.endsWith('s')) return word;
  return word.endsWith('ies') ? `${word.slice(0, -3)}y` : word.slice(0, -1);
}
