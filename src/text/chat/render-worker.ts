import { runInThisContext } from 'node:vm';
import { limits } from '../../model/index.js';
import { type Rendered, renderMessages, type TemplateInput } from './render-template.js';

/** Failures are returned as data: an error that crosses threads loses its class. */
export type RenderOutcome = Rendered | { readonly failure: string };

let input: TemplateInput | undefined;
Object.defineProperty(globalThis, 'renderInput', { value: () => render(input!) });

// The asking process ends this one in time; if it is gone itself, the rendering ends here.
const timeout = 2 * limits.renderMsMax;
process.on('message', (asked: TemplateInput) => {
  input = asked;
  process.send!(runInThisContext('renderInput()', { timeout }) as RenderOutcome);
});

function render(given: TemplateInput): RenderOutcome {
  try {
    const rendered = renderMessages(given);
    const { text } = rendered;
    const limit = limits.renderedBytesMax;
    // A text that was only joined so far takes no memory until its bytes are counted.
    const isTooLong = text.length > limit || Buffer.byteLength(text) > limit;
    return isTooLong ? { failure: `it makes more than ${limit} bytes of text` } : rendered;
  } catch (error) {
    return { failure: (error as Error).message };
  }
}
