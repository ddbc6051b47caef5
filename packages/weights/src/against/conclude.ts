import { shellWord } from '@llama-probe/comparison/ask';
import { listed } from '../remarks.js';
import { isPermuted } from './heads.js';
import type { Other } from './other.js';
import type { PairReport, WeightsComparison } from './report.js';

type Found = Pick<WeightsComparison, 'pairs' | 'missing' | 'extra' | 'model'> & { readonly other: Other };
type Conclusion = Pick<WeightsComparison, 'verdict' | 'reason' | 'next'>;

/** The answer to "is it my weights?", and what to do next. */
export function concludeComparison({ pairs, missing, extra, model, other }: Found): Conclusion {
  const wrong = pairs.filter(({ verdict }) => verdict === 'differs');
  if (pairs.length === 0) return { verdict: 'nothing', reason: 'No tensor could be compared.', next: [] };
  if (wrong.length === 0 && missing.length > 0) {
    const [first] = missing as [string];
    return {
      verdict: 'differ',
      reason: `${missing.length} of the model's ${model.tensors} tensors ${missing.length > 1 ? 'are' : 'is'} missing there: ${listed(missing)}. All ${pairs.length} that both have are the same${howEqual(pairs)}.${there(extra)}`,
      next: [
        `What the first of them has: probe weights --model ${shellWord(model.file)} --tensor ${shellWord(first)} --values 64`,
      ],
    };
  }
  if (wrong.length === 0) {
    return {
      verdict: 'equal',
      reason: `The weights are right: all ${pairs.length} tensors that both have are the same${howEqual(pairs)}.${there(extra)}`,
      next: [`The weights are not to blame. Find the stage: probe compare --model ${shellWord(model.file)}`],
    };
  }
  const groups = groupsOf(wrong);
  const reasons = groups
    .slice(0, 3)
    .map(
      ({ family, tensors, text }) =>
        `${family}${tensors.length > 1 ? ` (${tensors.length})` : ''} ${text.replace(/\.$/, '')}`,
    );
  const more = groups.length > 3 ? ` And ${groups.length - 3} more kinds, below.` : '';
  const absent = [
    missing.length > 0 ? `${missing.length} of the model's are missing there (${listed(missing)})` : '',
    extra.length > 0 ? `${extra.length} are there only (${listed(extra)})` : '',
  ].filter(Boolean);
  const besides = absent.length > 0 ? ` Besides, ${absent.join(', and ')}.` : '';
  return {
    verdict: 'differ',
    reason: `${wrong.length} of ${pairs.length} tensors differ: ${reasons.join('. ')}.${more}${besides}`,
    next: nextOf(wrong, model.file, other),
  };
}

const there = (extra: readonly string[]): string =>
  extra.length > 0 ? ` Besides, ${extra.length} ${extra.length > 1 ? 'are' : 'is'} there only (${listed(extra)}).` : '';

function howEqual(pairs: readonly PairReport[]): string {
  const count = (is: (pair: PairReport) => boolean) => pairs.filter(is).length;
  const said = [
    [count(isHalfSplit), 'permuted as llama.cpp’s converter does for Q and K'],
    [pairs.some(isHalfSplit) ? count(isPlain) : 0, 'of Q and K not, which cannot be right of both'],
    [count(({ values }) => values.kind === 'rounded'), 'rounded to another type'],
    [count(({ values }) => values.kind === 'requantised'), 'as far apart as their quantisation makes them'],
    [count(({ values }) => values.kind === 'close'), 'but for the last bits'],
    [count(({ values }) => values.kind === 'offset'), 'but for the 1 that llama.cpp’s converter adds to gemma’s norms'],
  ] as const;
  const parts = said.filter(([many]) => many > 0).map(([many, what]) => `${many} ${what}`);
  return parts.length > 0 ? `, ${parts.join(', ')}` : ', bit for bit';
}

/** Tensors of all layers to which the same has happened. */
export function groupsOf(pairs: readonly PairReport[]): { family: string; tensors: PairReport[]; text: string }[] {
  const groups = new Map<string, PairReport[]>();
  for (const pair of pairs) {
    const key = `${familyOf(pair.name)} ${kindOf(pair)}`;
    groups.set(key, [...(groups.get(key) ?? []), pair]);
  }
  return [...groups.values()].map((tensors) => {
    const [first] = tensors as [PairReport];
    return { family: tensors.length > 1 ? familyOf(first.name) : first.name, tensors, text: first.text };
  });
}

const familyOf = (name: string): string => name.replace(/^blk\.\d+\./, 'blk.*.');
const kindOf = ({ layout, values, misreading, is }: PairReport): string =>
  [layout.map(({ kind }) => kind).join(), values.kind, misreading?.id, is && familyOf(is)].join(' ');

function nextOf(wrong: readonly PairReport[], file: string, other: Other): string[] {
  const [first] = wrong as [PairReport];
  const known = wrong.find(({ misreading }) => misreading);
  return [
    ...(known ? [`Mend the dequantisation of ${known.type} first: ${known.misreading?.look}`] : []),
    `The values of the first one: probe weights --model ${shellWord(file)} --tensor ${shellWord(first.name)} --values 64`,
    `One tensor alone, after a change: probe weights --model ${shellWord(file)} --against ${shellWord(other.file)} --tensor ${shellWord(first.name)}`,
    ...(known ? [`What the bug's id means: probe bugs --only ${known.misreading?.id}`] : []),
  ];
}

/** What is worth knowing, and no difference. */
export function remarksOf(pairs: readonly PairReport[], architecture: string, other: Other): string[] {
  const plain = pairs.filter(isPlain);
  if (plain.length === 0 || !other.isHuggingFace || !isPermuted(architecture)) return [];
  if (pairs.some(isHalfSplit)) {
    const names = listed(plain.map(({ name }) => name));
    return [
      `${names}: in the same order on both sides, where others of Q and K are permuted. No converter does both: unless the order of the rows there changes nothing (zeros), one side has it wrong, and its RoPE turns the wrong pairs.`,
    ];
  }
  return [
    `Q and K lie in the same order on both sides. llama.cpp's converter permutes them for ${architecture}: if ${other.file} is the original checkpoint, the GGUF file was converted ` +
      'without that, and llama.cpp turns the wrong pairs; if your engine wrote it from the GGUF file, it is right.',
  ];
}

/** Of Q and K, in the same order on both sides. */
const isPlain = ({ name, layout, verdict }: PairReport): boolean =>
  /attn_[qk]\.weight$/.test(name) && layout.length === 0 && verdict === 'equal';
const isHalfSplit = ({ layout }: PairReport): boolean => layout.some(({ kind }) => kind === 'half-split');
