import type { Generated, Report } from '@llama-probe/comparison';
import { type Checked, short, showLimit } from '@llama-probe/diff';
import type { Fact, PageChecks, PageLogits } from '@llama-probe/page';
import { decodeText } from '../text/decode.js';

const MOST_BROKEN = 24;

/** What was run, on what, and how it was judged. */
export function factsOf(report: Report): Fact[] {
  const { model, tokens, reference, candidate, floors, memory, timings } = report;
  const facts: (Fact | undefined)[] = [
    ['model', model.file],
    ['architecture', model.arch],
    ['quantisation', model.quantization],
    model.layers === null ? undefined : ['layers', String(model.layers)],
    model.bytes === null ? undefined : ['size', `${(model.bytes / 1e6).toFixed(1)} MB`],
    ['tokens', String(tokens.length)],
    ['reference', `${reference.name} ${reference.version}`],
    ['reference mode', reference.why ? `${reference.mode}: ${reference.why}` : reference.mode],
    reference.cpuVariant === undefined ? undefined : ['CPU build', reference.cpuVariant],
    reference.callbackChangesNothing === undefined
      ? undefined
      : [
          'watched run',
          reference.callbackChangesNothing
            ? 'has the same logits as an unwatched one, bit for bit'
            : 'has other logits than an unwatched one',
        ],
    ['candidate', candidate.name],
    ['backend', candidate.backend],
    ['adapter', candidate.adapter],
    candidate.injected?.length ? ['bugs put into it', candidate.injected.join(', ')] : undefined,
    ['limits', `${floors.margin} × the floor, at least ${showLimit(floors.minimum)}`],
    ['floors', floors.method],
    ...Object.entries(timings).map(
      ([name, ms]): Fact => [`time, ${TIMES[name] ?? name}`, `${(ms / 1000).toFixed(2)} s`],
    ),
    ...Object.entries(memory ?? {}).map(
      ([name, bytes]): Fact => [`GPU memory, ${name}`, `${(bytes / 1e6).toFixed(1)} MB`],
    ),
  ];
  return facts.filter((fact) => fact !== undefined);
}

const TIMES: Readonly<Record<string, string>> = {
  open: 'opening',
  compare: 'comparing',
  teacherForced: "from the reference's inputs",
  diagnosis: 'naming the bug',
};

/** What both sides say after the prompt. */
export function saidOf({ generated, reference, candidate }: Report): Fact[] {
  if (!generated) return [];
  const speech = ({ text, tokens }: Generated) =>
    text === null ? `the tokens ${tokens.join(' ')}` : JSON.stringify(text);
  return [
    [reference.name, speech(generated.reference)],
    [candidate.name, speech(generated.candidate)],
  ];
}

/** What is to be said about the choice of tokens. */
export function remarksOf({ decode, tokenDiagnosis }: Report): string[] {
  const about = tokenDiagnosis && `The tokens: ${tokenDiagnosis.title}. ${tokenDiagnosis.text}`;
  return [...(about ? [about] : []), ...decodeText(decode).split('\n')].filter((line) => line !== '');
}

export function logitsOf({ logits, top }: Report): PageLogits | null {
  if (!logits) return null;
  const side = (name: 'candidate' | 'reference') =>
    logits.topK[name].map(({ id, logit }, i) => ({ id, text: top?.[name][i] ?? null, logit: logit.toFixed(4) }));
  return { candidate: side('candidate'), reference: side('reference'), klDivergence: short(logits.klDivergence) };
}

/** What is broken of each side by itself: of each check and stage the first place. */
export function checksOf({ checks, candidate, reference }: Report): PageChecks[] {
  return [sideChecks(candidate.name, checks.candidate), sideChecks(reference.name, checks.reference)];
}

function sideChecks(side: string, { broken, checked }: Checked): PageChecks {
  const kinds = new Map<string, string[]>();
  for (const { check, stage, text } of broken) {
    const kind = `${check} ${stage}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), text]);
  }
  const lines = [...kinds.values()].map(
    ([first, ...others]) => `${first}${others.length > 0 ? ` The same at ${others.length} more places.` : ''}`,
  );
  return {
    side,
    broken: lines.slice(0, MOST_BROKEN),
    more: Math.max(0, lines.length - MOST_BROKEN),
    checked: Object.entries(checked).map(([name, rows]): Fact => [name, rows === 0 ? 'not looked at' : `${rows} rows`]),
  };
}
