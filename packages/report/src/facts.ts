import type { Report } from '@llama-probe/comparison';
import { showLimit } from '@llama-probe/diff';
import { localInputs, megabytes, seconds } from './words.js';

/** Something that was run, or how, and how it was judged. */
export interface Fact {
  /** The same in every version. */
  readonly name: string;
  /** For people. */
  readonly label: string;
  readonly text: string;
}

/** What was run, on what, and how it was judged: all of it, in the order of every output. */
export function factsOf(report: Report): readonly Fact[] {
  const { model, tokens, reference, candidate, floors, memory, timings } = report;
  const { callbackChangesNothing: isUnchanged } = reference;
  const watched = isUnchanged
    ? 'has the same logits as an unwatched one, bit for bit'
    : 'has other logits than an unwatched one';
  const facts: (Fact | null)[] = [
    fact('model', 'model', model.file),
    fact('architecture', 'architecture', model.arch),
    fact('quantization', 'quantisation', model.quantization),
    fact('layers', 'layers', model.layers),
    fact('size', 'size', model.bytes && megabytes(model.bytes)),
    fact('tokens', 'tokens', tokens.length),
    fact('reference', 'reference', `${reference.name} ${reference.version}`),
    fact('mode', 'reference mode', reference.why ? `${reference.mode}: ${reference.why}` : reference.mode),
    fact('cpu', 'CPU build', reference.cpuVariant),
    fact('watched', 'watched run', isUnchanged === undefined ? null : watched),
    fact('candidate', 'candidate', candidate.name),
    fact('backend', 'backend', candidate.backend),
    fact('adapter', 'adapter', candidate.adapter),
    fact('injected', 'bugs put into it', candidate.injected?.join(', ') || null),
    fact('precision', 'precision', candidate.precision && precisionOf(candidate.precision)),
    fact('read.candidate', `${candidate.name} was read so`, candidate.notes?.join('. ') ?? null),
    fact('read.reference', `${reference.name} was read so`, reference.notes?.join('. ') ?? null),
    fact('limits', 'limits', limitsOf(floors)),
    fact('floors', 'floors', floors.method),
    ...Object.entries(timings).map(([name, ms]) =>
      fact(
        `time.${name}`,
        `time, ${name === 'teacherForced' ? localInputs(report) : (TIMES[name] ?? name)}`,
        seconds(ms, 2),
      ),
    ),
    ...Object.entries(memory ?? {}).map(([name, bytes]) =>
      fact(`memory.${name}`, `GPU memory, ${name}`, megabytes(bytes)),
    ),
  ];
  return facts.filter((one) => one !== null);
}

const TIMES: Readonly<Record<string, string>> = {
  open: 'opening',
  llama: 'llama.cpp',
  compare: 'comparing',
  diagnosis: 'naming the bug',
};

const fact = (name: string, label: string, text: string | number | null | undefined): Fact | null =>
  text === null || text === undefined ? null : { name, label, text: String(text) };

const limitsOf = ({ margin, minimum }: Report['floors']): string =>
  `${margin} × the floor, at least ${showLimit(minimum)}`;

function precisionOf({ format, from, stored }: NonNullable<Report['candidate']['precision']>): string {
  const how = from === 'values' ? 'seen from its values' : 'as --precision says';
  return stored
    ? `the candidate computes in f32, and its dump has ${format} of it (no stage is further off than one rounding)`
    : `the candidate computes in ${format} (${how})`;
}

const TOKENS = 16; // how many of a long prompt are shown

/** The same in a line for each thing, for where there is little room. */
export function summaryOf({ model, tokens, reference, candidate, floors }: Report): Readonly<Record<string, string>> {
  const about = [
    model.arch,
    model.quantization,
    model.layers && `${model.layers} layers`,
    model.bytes && megabytes(model.bytes),
  ];
  const mode = reference.why ? `${reference.mode}: ${reference.why}` : reference.mode;
  const injected = candidate.injected?.length ? `, with ${candidate.injected.join(' and ')}` : '';
  return {
    model: `${model.file} (${about.filter(Boolean).join(', ')})`,
    tokens: `${tokens.length}: ${tokens.slice(0, TOKENS).join(' ')}${tokens.length > TOKENS ? ' …' : ''}`,
    reference: `${reference.name} ${reference.version}, ${mode}`,
    candidate: `${candidate.name}, ${candidate.backend}, ${candidate.adapter}${injected}`,
    ...(candidate.precision ? { precision: precisionOf(candidate.precision) } : {}),
    limits: `${limitsOf(floors)}; floor ${floors.method}`,
    ...(reference.callbackChangesNothing === false
      ? { warning: `${reference.name} computed other logits while it was watched` }
      : {}),
  };
}
