export { bashCompletion } from './bash.js';
export { fishCompletion } from './fish.js';
export { syntaxOf, type CommandSyntax } from './syntax.js';
export { zshCompletion } from './zsh.js';
