import { compare } from '@llama-probe/diff';
import { type Dump, openDump } from '@llama-probe/dump';
import { LIMITS } from '../limits.js';
import type { Progress } from '../progress.js';
import type { Report } from '../report/report.js';

/** `probe diff CANDIDATE REFERENCE`: two dumps. */
export async function runDiff(candidatePath: string, referencePath: string, progress: Progress): Promise<Report> {
  const begin = performance.now();
  const candidate = await openDump(candidatePath);
  try {
    const reference = await openDump(referencePath);
    try {
      return await diff(candidate, reference, progress, begin);
    } finally {
      await reference.close();
    }
  } finally {
    await candidate.close();
  }
}

async function diff(candidate: Dump, reference: Dump, progress: Progress, begin: number): Promise<Report> {
  // Measured floors will travel in the dump; until then the mode that the reference was run in decides, and it alone.
  const { metadata } = reference;
  const mode = metadata.config?.reference;
  progress.say(`comparing ${candidate.path} with ${reference.path}`);
  const comparison = await compare(candidate.tensors(), reference.tensors(), {
    limit: mode === 'native' ? LIMITS.native : LIMITS.exact,
    tokens: { candidate: candidate.metadata.tokens, reference: metadata.tokens },
    heads: metadata.shapes?.kq?.[0] ?? candidate.metadata.shapes?.kq?.[0],
  });
  return {
    schema: 1,
    verdict: comparison.verdict,
    reason: comparison.reason,
    model: {
      file: metadata.model?.file ?? reference.path,
      arch: metadata.model?.architecture ?? 'unknown',
      quantization: metadata.model?.quantization ?? 'unknown',
      layers: metadata.model?.layers ?? null,
      bytes: metadata.model?.bytes ?? null,
    },
    tokens: metadata.tokens,
    reference: { name: metadata.producer.name, version: metadata.producer.version, mode: String(mode ?? 'unknown') },
    candidate: {
      name: candidate.metadata.producer.name,
      backend: candidate.metadata.producer.backend ?? 'unknown',
      adapter: candidate.metadata.producer.adapter ?? candidate.path,
    },
    first: comparison.first,
    stages: comparison.stages,
    ignored: comparison.ignored,
    logits: comparison.logits,
    generated: null,
    top: null,
    timings: { total: performance.now() - begin },
  };
}
