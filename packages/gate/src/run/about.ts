import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { BUNDLED_MODEL, type Report } from '@llama-probe/comparison';
import { openingOf, VERSION } from '@llama-probe/comparison/ask';
import { openRun } from '@llama-probe/import';
import { contentHash } from '@llama-probe/reference';
import type { Baseline, BaselineAbout } from '../baseline/baseline.js';
import type { RunAbout } from '../baseline/mismatch.js';
import type { GateCase, Work } from '../config/case.js';

type ReportFacts = Pick<Report, 'model' | 'tokens' | 'reference' | 'candidate' | 'floors' | 'generated'>;

/** What a case's baseline says about where it comes from. */
export async function aboutCase({ name, work }: GateCase, report: ReportFacts): Promise<BaselineAbout> {
  const { model, reference, candidate, floors } = report;
  return {
    name,
    version: VERSION,
    model: {
      ...(await modelOf(work, report)),
      arch: model.arch,
      quantization: model.quantization,
      layers: model.layers,
    },
    tokens:
      work.kind === 'dump' || work.options.engine !== undefined
        ? report.tokens // all that a candidate has run whose run is over
        : withDecoded(report, work.options.steps),
    steps: work.kind === 'engine' ? work.options.steps : null,
    prompt: work.kind === 'engine' ? promptHash(work) : null,
    reference: {
      name: reference.name,
      version: reference.version,
      mode: reference.mode,
      ...(reference.cpuVariant === undefined ? {} : { cpuVariant: reference.cpuVariant }),
    },
    candidate: { name: candidate.name, backend: candidate.backend, adapter: basename(candidate.adapter) },
    floors: { method: floors.method, margin: floors.margin, minimum: floors.minimum },
  };
}

/** What is known before a candidate runs alone. The engine is fed the baseline's tokens, a dump has its own. */
export async function aboutAlone({ name, work }: GateCase, baseline: Baseline): Promise<RunAbout> {
  const { arch, quantization, layers } = baseline.model;
  return {
    name,
    model: { ...(await modelOf(work, baseline)), arch, quantization, layers },
    tokens: work.kind === 'engine' ? baseline.tokens : await dumpTokens(work),
    steps: work.kind === 'engine' ? work.options.steps : null,
    prompt: work.kind === 'engine' ? promptHash(work) : null,
    reference: baseline.reference,
  };
}

async function dumpTokens({ candidate, options }: Extract<Work, { kind: 'dump' }>): Promise<readonly number[]> {
  const dump = await openRun(candidate, openingOf(options));
  await dump.close();
  return dump.metadata.tokens;
}

/** Both sides are fed what the reference chose. */
const withDecoded = ({ tokens, generated }: ReportFacts, steps: number): readonly number[] => [
  ...tokens,
  ...(generated?.reference.tokens ?? []).slice(0, steps),
];

/** The file that was given, and what was made of it. */
async function modelOf(
  work: Work,
  report: { readonly model: { readonly file: string } },
): Promise<Pick<BaselineAbout['model'], 'file' | 'hash' | 'quantize' | 'imatrix'>> {
  if (work.kind === 'engine') {
    const { model: path = BUNDLED_MODEL, quantize = null, imatrix } = work.options;
    const made = { quantize, ...(imatrix === undefined ? {} : { imatrix: await contentHash(imatrix) }) };
    return { file: basename(path), hash: await contentHash(path), ...made };
  }
  const dump = await openRun(work.candidate, openingOf(work.options));
  await dump.close();
  const { model } = dump.metadata;
  const hash = model?.hash?.replace(/^sha256:/, '') ?? null;
  return { file: basename(model?.file ?? report.model.file), hash, quantize: null };
}

/** A hash of the prompt as it was given; the text is not stored, since it may be long. */
export function promptHash({ options }: Extract<Work, { kind: 'engine' }>): string {
  const { prompt, promptFile, tokens, chat } = options;
  const text = promptFile === undefined ? prompt : readFileSync(promptFile, 'utf8');
  return createHash('sha256')
    .update(JSON.stringify([text ?? null, tokens ?? null, chat ?? false]))
    .digest('hex');
}
