import type { Explained } from './explain.js';
import { isPermuted } from './heads.js';
import type { Layout } from './layouts.js';
import type { Other } from './other.js';
import type { Values } from './relation.js';

/** Whose tensor is spoken of. */
export interface About {
  readonly name: string;
  readonly type: string;
  readonly otherType: string;
  readonly architecture: string;
  readonly other: Pick<Other, 'isGguf' | 'isHuggingFace'>;
}

/** Whether an explanation is that of something healthy, and the explanation in a sentence. */
export function say(about: About, found: Explained): { verdict: 'equal' | 'differs'; text: string } {
  const isRight = valuesAreRight(about, found.values) && found.misreading === null && found.is === null;
  const layoutIsRight = found.layout.every((layout) => isRightLayout(about, layout));
  const text = [...found.layout.map((layout) => layoutText(about, layout)), valuesText(about, found)].join('; ');
  return { verdict: isRight && layoutIsRight ? 'equal' : 'differs', text };
}

const isGemmaNorm = ({ name, architecture, other }: About): boolean =>
  architecture.startsWith('gemma') && /norm/.test(name) && !other.isGguf;

function valuesAreRight(about: About, values: Values): boolean {
  if (values.kind === 'offset') return isGemmaNorm(about) && Math.abs(values.value - 1) < 1e-6;
  return ['equal', 'close', 'rounded', 'requantised'].includes(values.kind);
}

function isRightLayout({ architecture, other }: About, { kind }: Layout): boolean {
  if (kind === 'reshaped') return true;
  return kind === 'half-split' && !other.isGguf && isPermuted(architecture);
}

function layoutText({ architecture, other }: About, layout: Layout): string {
  switch (layout.kind) {
    case 'half-split':
      if (other.isGguf)
        return 'permuted: the other file has the rows of each head in half-split order, this one in pairs; one of them was converted wrongly';
      return isPermuted(architecture)
        ? "permuted from Hugging Face's half-split order into pairs, as llama.cpp's converter does for this architecture"
        : `permuted: half-split there, pairs here; llama.cpp's converter does not do that for ${architecture}`;
    case 'adjacent':
      return 'permuted: the rows of each head lie in pairs there and half-split here (permuted the wrong way, or twice)';
    case 'transposed':
      return 'transposed: rows there are columns here';
    case 'reshaped':
      return 'the same order under another shape';
    case 'shifted':
      return `off by a row: row i of the model is row i ${layout.by > 0 ? '+' : '−'} 1 there`;
    case 'heads':
      return `heads in another order: ${layout.order.slice(0, 16).join(' ')}${layout.order.length > 16 ? ' …' : ''}`;
    case 'first-rows':
      return `another number of rows, ${layout.rows} there; of those that both have`;
  }
}

function valuesText(about: About, { values, misreading, is, measure, layout }: Explained): string {
  if (misreading) {
    const { id, title, parameters, look, also } = misreading;
    const how = Object.entries(parameters).map(([name, value]) => `${name}: ${value}`);
    const others = also.length > 0 ? ` (or ${also.slice(0, 3).join(', ')}, which make the same of this tensor)` : '';
    return `dequantised wrongly: ${title.toLowerCase()} (${id}, ${how.join(', ')}) makes exactly these values of the model's bytes${others}. Where to look: ${look}`;
  }
  if (is) return `it is another tensor: these are the values of ${is}`;
  switch (values.kind) {
    case 'equal':
      return layout.length > 0 ? 'then equal, bit for bit' : 'equal, bit for bit';
    case 'close':
      return `equal but for the last bits (relative RMS delta ${number(measure?.rel)})`;
    case 'rounded':
      return `equal: one is the other rounded to ${values.type}, bit for bit`;
    case 'requantised':
      return `quantised otherwise: relative RMS delta ${number(measure?.rel)}, rounding to ${values.type} makes ${number(values.expected)}`;
    case 'scaled':
      return `scaled: the model's values are ${number(values.factor)} times those`;
    case 'offset':
      return isGemmaNorm(about)
        ? `${number(values.value)} is added to the norm's weight, as llama.cpp's converter does for gemma`
        : `offset: the model's values are those plus ${number(values.value)}`;
    case 'rows':
      return `${values.rows} of ${measure?.rows} rows differ, the first is row ${values.first}; the others are as they should be`;
    case 'differ':
      return measure
        ? `other values, and no known reason: relative RMS delta ${number(measure.rel)}`
        : 'another shape, and nothing that explains it';
  }
}

const number = (value: number | undefined): string =>
  value === undefined ? '?' : String(Number(value.toPrecision(3)));
