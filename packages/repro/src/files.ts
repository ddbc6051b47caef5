import { npyFile } from '@llama-probe/import';
import { shown, tameAll } from '@llama-probe/report/tame';
import { WRITING } from './check/languages.js';
import type { Language } from './check/names.js';
import { checkProgram } from './check/write.js';
import { nameOf } from './find.js';
import type { About, Found } from './found.js';
import { BLOCK_ENDING, readme } from './readme.js';
import type { Matrix } from './recipe/recipe.js';

/** Everything that is in the folder of a test, by name. */
export function filesOf(raw: Found, languages: readonly Language[], given: About): Map<string, string | Uint8Array> {
  // Names are anybody's, and are written into programs.
  const found = { ...raw, target: tameAll(raw.target) };
  const about = { ...given, run: shown(given.run), report: tameAll(given.report) };
  const { cut, target } = found;
  const { recipe, distances } = cut;
  const files = new Map<string, string | Uint8Array>();
  files.set('README.md', readme(found, languages, about));
  for (const input of recipe?.inputs ?? []) {
    files.set(`${input.name}.npy`, matrix(input));
    const { blocks } = input.weight ?? {};
    if (blocks) files.set(`${input.name}${BLOCK_ENDING}`, npyFile(blocks, [input.rows, blocks.length / input.rows]));
  }
  if (!recipe) for (const [name, values] of rowsBehind(found)) files.set(`${name}.npy`, matrix(values));
  files.set('wrong.npy', matrix(cut.wrong));
  files.set('right.npy', matrix(cut.right));
  if (!recipe || !distances) return files;
  for (const language of languages) {
    const { file, run } = WRITING[language];
    const lines = [
      `${nameOf(target)}, step ${target.step}, of ${about.report.candidate.name}: what it computed, and what is right.`,
      'README.md says what this is, and where the numbers come from.',
      `Run it in its folder: ${run}. It ends with 0 if the rows of your function are right, and with 1 if not.`,
    ];
    files.set(file, checkProgram(language, recipe, lines, Number(distances.limit.toPrecision(3))));
  }
  return files;
}

const matrix = ({ rows, columns, values }: Matrix): Buffer => npyFile(Float32Array.from(values), [rows, columns]);

/** The rows that a stage was computed from, of one whose operation nobody knows. */
function rowsBehind({ sick, cut }: Found): [string, Matrix][] {
  const { inputs, rows } = sick.case;
  return Object.entries(inputs).map(([name, values]) => {
    const width = values.length / rows;
    const kept = cut.selection.rows.flatMap((row) => [...values.subarray(row * width, (row + 1) * width)]);
    const size = { rows: cut.selection.rows.length, columns: width };
    return [name.replaceAll(/[^\w.-]/g, '_'), { ...size, values: Float64Array.from(kept) }];
  });
}
