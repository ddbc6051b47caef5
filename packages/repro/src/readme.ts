import { basename } from 'node:path';
import type { NamedFault } from '@llama-probe/comparison';
import { short } from '@llama-probe/diff';
import { WRITING } from './check/languages.js';
import type { Language } from './check/names.js';
import { nameOf } from './find.js';
import { HEADING } from './folder.js';
import { formulaOf } from './formula.js';
import type { About, Found } from './found.js';
import type { Input } from './recipe/recipe.js';

/** What the file of a weight's blocks ends with. */
export const BLOCK_ENDING = '.blocks.npy';

/** What a folder says about itself. */
export function readme(found: Found, languages: readonly Language[], about: About): string {
  return [
    `${HEADING}${nameOf(found.target)} of ${basename(about.file.path)}`,
    ...whatIsWrong(found, about),
    ...operation(found),
    ...howToRun(found, languages),
    ...files(found),
    ...origin(found, about),
    ...cutting(found),
    '',
  ].join('\n');
}

function whatIsWrong({ target, sick, cut }: Found, { report }: About): string[] {
  const { candidate, reference } = report;
  const rows = cut.selection.rows.map((row) => sick.case.firstPosition + row);
  const at = `${nameOf(target)}, ${target.step === 0 ? 'in the prompt' : `at decode step ${target.step}`}, position ${rangeOf(rows)}`;
  const far = `${short(target.rel)} from what ${reference.name} makes of the same inputs (relative RMS of the whole stage; the limit is ${short(target.limits.rel)})`;
  const verdict = target.isWrong
    ? `What ${candidate.name} computes at ${at} is wrong: it is off by ${far}. Its inputs are ${candidate.name}'s own, so that whatever was before it is no part of this.`
    : `What ${candidate.name} computes at ${at} is right: it is off by ${far}.`;
  if (!target.isWrong) return ['', verdict];
  const fault = faultAt(report, target);
  const where = fault?.where ? ` Where: ${fault.where.text}.` : '';
  return ['', verdict + where, '', cause(fault?.diagnosis), ...others(report, target)];
}

/** What else is wrong by itself. */
function others({ faults }: About['report'], target: Found['target']): string[] {
  const rest = (faults ?? []).filter(({ stage, layer }) => stage !== target.stage || layer !== target.layer);
  if (rest.length === 0) return [];
  const named = rest.slice(0, MOST).map(nameOf);
  const more = rest.length > MOST ? [`${rest.length - MOST} more`] : [];
  return ['', `Wrong by themselves are also ${[...named, ...more].join(', ')}.`];
}

const MOST = 8;

const faultAt = ({ faults }: About['report'], { stage, layer }: Found['target']) =>
  faults?.find((fault) => fault.stage === stage && fault.layer === layer);

function cause(diagnosis: NamedFault['diagnosis'] | undefined): string {
  if (!diagnosis) return 'The cause was not looked for.';
  return `The cause is **${diagnosis.confidence}**. ${diagnosis.text}`;
}

function operation({ cut, sick, op: name }: Found): string[] {
  const { recipe } = cut;
  if (!recipe) {
    const op = name === undefined ? 'something' : `\`${name}\`, as ggml calls it`;
    const what = `llama.cpp computes ${op}, which is none of the operations that this tool can write down: there is neither a formula nor a program that checks it.`;
    return [
      '',
      '## The operation',
      '',
      `${what} The inputs, the rows in question and the right ones are here all the same.`,
    ];
  }
  const seen = sick.case.firstPosition + sick.case.rows;
  const lines = recipe.calls.map((call) => `    ${formulaOf(call)}`);
  return [
    '',
    '## The operation',
    '',
    'In float64, with the names of the files below:',
    '',
    ...lines,
    '',
    `Positions count from 0; the pass began at position ${sick.case.firstPosition} and ended with ${seen - 1}.`,
  ];
}

function howToRun({ cut, target }: Found, languages: readonly Language[]): string[] {
  const { distances, recipe } = cut;
  if (!recipe) return [];
  if (!distances) {
    const what =
      'There is no program that checks it: in float64 the operation does not tell the right rows from the wrong ones.';
    return ['', '## How to run it', '', what];
  }
  const runs = languages.map((language) => `    ${WRITING[language].run}`);
  const needs = [...new Set(languages.map((language) => WRITING[language].needs))].join(', or ');
  const now = target.isWrong ? 'As it is it ends with 1, for it looks at `wrong.npy`.' : 'As it is it ends with 0.';
  return [
    '',
    '## How to run it',
    '',
    ...runs,
    '',
    `It needs ${needs}. It computes the operation in float64 and prints how far rows are from that. ${now} Put your own function in between \`>>>\` and \`<<<\`; it ends with 0 if its rows are right.`,
    '',
    '| rows | from float64 (relative RMS) |',
    '|---|---|',
    `| \`right.npy\` | ${short(distances.right)} |`,
    `| \`wrong.npy\` | ${short(distances.wrong)} |`,
    `| the limit | ${short(distances.limit)} |`,
  ];
}

function files({ cut, sick }: Found): string[] {
  const { recipe, wrong, right } = cut;
  const row = (name: string, shape: string, dtype: string, what: string) =>
    `| \`${name}\` | ${shape} | ${dtype} | ${what} |`;
  const inputs = recipe
    ? recipe.inputs.flatMap((input) => ofInput(input, row))
    : Object.entries(sick.case.inputs).map(([name, values]) =>
        row(
          `${name}.npy`,
          `${wrong.rows} × ${values.length / sick.case.rows}`,
          'float32',
          `rows of ${name} as the engine had them`,
        ),
      );
  return [
    '',
    '## Files',
    '',
    '| file | shape | values | |',
    '|---|---|---|---|',
    ...inputs,
    row('wrong.npy', `${wrong.rows} × ${wrong.columns}`, 'float32', 'what the engine computed'),
    row('right.npy', `${right.rows} × ${right.columns}`, 'float32', 'what llama.cpp computes from the same inputs'),
  ];
}

function ofInput(
  { name, rows, columns, what, weight }: Input,
  row: (name: string, shape: string, dtype: string, what: string) => string,
): string[] {
  const part = weight?.rows ? `; rows ${rangeOf(weight.rows)}` : '';
  const own = row(`${name}.npy`, `${rows} × ${columns}`, 'float32', what + part);
  if (!weight?.blocks) return [own];
  const bytes = `${rows} × ${weight.blocks.length / rows}`;
  return [
    own,
    row(`${name}${BLOCK_ENDING}`, bytes, 'uint8', `the same rows, whole, as the file has them: ${weight.type}`),
  ];
}

function origin({ cut, sick, target }: Found, { report, file, hash, run }: About): string[] {
  const { reference, candidate, model } = report;
  const weights = (cut.recipe?.inputs ?? []).flatMap(({ weight }) =>
    weight ? [`| \`${weight.name}\` | ${weight.type} | ${weight.shape.join(' × ')} | \`${weight.sha256}\` |`] : [],
  );
  const ids = sick.case.tokens;
  const build = reference.cpuVariant === undefined ? '' : `, its CPU build ${reference.cpuVariant}`;
  const how =
    reference.mode === 'exact'
      ? 'exact: on the same weights, dequantised to F32, with an F32 cache and without flash attention'
      : `${reference.mode}: on the file as it is`;
  return [
    '',
    '## Where it comes from',
    '',
    `- The model: ${basename(file.path)}, ${model.arch}, ${model.quantization}, SHA-256 \`${hash}\`.`,
    `- The wrong rows: ${candidate.name} (${candidate.backend}), ${run}, step ${target.step}; tokens ${ids.slice(0, 64).join(', ')}${ids.length > 64 ? ', …' : ''}.`,
    ...(candidate.notes ?? []).map((note) => `  ${note}`),
    `- The right rows: ${reference.name} ${reference.version}${build}; ${how}. It went on from the engine's own rows at every stage before this one.`,
    ...(weights.length > 0
      ? ['', '| weight | type | rows × columns | SHA-256 of its bytes |', '|---|---|---|---|', ...weights]
      : []),
  ];
}

function cutting({ cut, sick }: Found): string[] {
  const { rows, columns } = cut.selection;
  const [height, width] = [sick.case.rows, sick.right.length / sick.case.rows];
  const kept = [
    `${rows.length} of ${height} rows (position ${rangeOf(rows.map((row) => sick.case.firstPosition + row))})`,
    `${columns.length} of ${width} columns${columns.length < width ? ` (${rangeOf(columns)})` : ''}`,
  ];
  const why = !cut.recipe
    ? 'the worst row.'
    : cut.distances
      ? 'the fewest of those that were tried in which the wrong rows are over the limit and the right ones are not. What needs more of a row to be computed, such as the inner dimension of a product, is all there.'
      : 'nothing that was tried shows the fault by itself.';
  const warning =
    rows.length < height || columns.length < width
      ? ' If your function is right here and your engine is not, what is wrong is between the rows or columns: `probe repro --whole` leaves nothing out.'
      : '';
  return ['', '## How it was cut down', '', `${kept.join(', ')}: ${why}${warning}`];
}

/** @example rangeOf([3, 4, 5]) === '3 to 5' */
function rangeOf(numbers: readonly number[]): string {
  const [first = 0] = numbers;
  const isRun = numbers.length > 2 && numbers.every((number, i) => number === first + i);
  if (isRun) return `${first} to ${numbers.at(-1)}`;
  return numbers.length > 24 ? `${numbers.slice(0, 24).join(', ')}, … (${numbers.length})` : numbers.join(', ');
}
