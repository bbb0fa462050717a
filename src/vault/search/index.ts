export { searchConversations, type SearchInput, type SearchPart, type SearchPosition } from './search.js';
export { SearchThreads } from './threads.js';
export type { SearchHit } from './text-hits.js';
