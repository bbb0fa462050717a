import { limits } from '../../model/index.js';
import { renderTemplate, type TemplateInput } from './render-template.js';

/** Failures are returned as data: an error that crosses threads loses its class. */
export type RenderOutcome = { readonly text: string } | { readonly failure: string };

/** Renders in this thread, which is ended if it takes too long or too much memory. */
export default function render(input: TemplateInput): RenderOutcome {
  try {
    const text = renderTemplate(input);
    const limit = limits.renderedBytesMax;
    // A text that was only joined so far takes no memory until its bytes are counted.
    const isTooLong = text.length > limit || Buffer.byteLength(text) > limit;
    return isTooLong ? { failure: `it makes more than ${limit} bytes of text` } : { text };
  } catch (error) {
    return { failure: (error as Error).message };
  }
}
