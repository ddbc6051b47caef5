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
  const { file, hash } = await modelOf(work, report);
  return {
    name,
    version: VERSION,
    model: {
      file,
      hash,
      quantize: work.kind === 'engine' ? (work.options.quantize ?? null) : null,
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
  const { file, hash } = await modelOf(work, baseline);
  const quantize = work.kind === 'engine' ? (work.options.quantize ?? null) : null;
  return {
    name,
    model: { ...baseline.model, file, hash, quantize },
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

async function modelOf(
  work: Work,
  report: { readonly model: { readonly file: string } },
): Promise<{ file: string; hash: string | null }> {
  if (work.kind === 'engine') {
    const path = work.options.model ?? BUNDLED_MODEL;
    return { file: basename(path), hash: await contentHash(path) };
  }
  const dump = await openRun(work.candidate, openingOf(work.options));
  await dump.close();
  const { model } = dump.metadata;
  return { file: basename(model?.file ?? report.model.file), hash: model?.hash?.replace(/^sha256:/, '') ?? null };
}

/** A hash of the prompt as it was given; the text is not stored, since it may be long. */
export function promptHash({ options }: Extract<Work, { kind: 'engine' }>): string {
  const { prompt, promptFile, tokens, chat } = options;
  const text = promptFile === undefined ? prompt : readFileSync(promptFile, 'utf8');
  return createHash('sha256')
    .update(JSON.stringify([text ?? null, tokens ?? null, chat ?? false]))
    .digest('hex');
}
