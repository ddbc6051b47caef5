import type { Recipe } from '../recipe/recipe.js';
import { WRITING } from './languages.js';
import type { Language } from './names.js';
import { filled, functionsOf } from './templates.js';

/**
 * A program that reads the files of a recipe, computes the operation in float64, and says how far rows are from that.
 *
 * @param about what is said above it, line by line @param limit what the rows may be off, as relative RMS
 * @example checkProgram('rust', recipe, ['q_rope of layer 0'], 1e-5)
 */
export function checkProgram(
  language: Language,
  { inputs, calls }: Recipe,
  about: readonly string[],
  limit: number,
): string {
  const writing = WRITING[language];
  const functions = calls.flatMap(({ call, values }) => [
    call,
    ...Object.values(values).flatMap((value) => ('of' in value ? [value.of] : [])),
  ]);
  const text = functionsOf(writing.functions, functions);
  return filled(`${language}/${writing.file}`, {
    about: about.map((line) => writing.comment(line)).join('\n'),
    limit: writing.limit(limit),
    functions: language === 'javascript' ? text.replace(/^export /gm, '') : text,
    inputs: inputs
      .map(({ variable, name }) => writing.assign(variable, `load(${writing.quote(`${name}.npy`)})`))
      .join('\n'),
    steps: calls
      .map(({ out, call, matrices, values }) => {
        const given = [...matrices.map(writing.matrix), ...Object.values(values).map(writing.value)];
        return writing.assign(out, `${call}(${given.join(', ')})`);
      })
      .join('\n'),
  });
}
