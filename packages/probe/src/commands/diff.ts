import { compare, type LimitRule, unseen } from '@llama-probe/diff';
import { type Dump, type DumpMetadata, openDump } from '@llama-probe/dump';
import { sideInvariants } from '../checks.js';
import { type FloorOptions, type Judged, RULES, readFloors, ruled, UNMEASURED } from '../floors.js';
import type { Progress } from '../progress.js';
import { describeDecode } from '../report/decode.js';
import type { Report } from '../report/report.js';

/** `probe diff CANDIDATE REFERENCE`: two dumps. */
export async function runDiff(
  candidatePath: string,
  referencePath: string,
  options: FloorOptions,
  progress: Progress,
): Promise<Report> {
  const begin = performance.now();
  const candidate = await openDump(candidatePath);
  try {
    const reference = await openDump(referencePath);
    try {
      return await diff(candidate, reference, options, progress, begin);
    } finally {
      await reference.close();
    }
  } finally {
    await candidate.close();
  }
}

async function diff(
  candidate: Dump,
  reference: Dump,
  options: FloorOptions,
  progress: Progress,
  begin: number,
): Promise<Report> {
  const { metadata } = reference;
  const { floors, rule, method } = judgedBy(metadata, options);
  const mode = metadata.config?.reference;
  const shape = (stage: string) => metadata.shapes?.[stage]?.[0] ?? candidate.metadata.shapes?.[stage]?.[0];
  progress.say(`comparing ${candidate.path} with ${reference.path}`);
  const heads = { heads: shape('kq'), headsKv: shape('k_proj') };
  const architecture = metadata.model?.architecture ?? candidate.metadata.model?.architecture;
  const invariants = [sideInvariants(architecture, heads), sideInvariants(architecture, heads)] as const;
  const ours = invariants[0].pass(candidate.tensors());
  const theirs = invariants[1].pass(reference.tensors());
  const tokens = { candidate: candidate.metadata.tokens, reference: metadata.tokens };
  const comparison = await compare(ours, theirs, { floors, rule, tokens, ...heads });
  // Where there was nothing to compare, what holds of each side by itself is still to be seen.
  for (const side of [ours, theirs]) for await (const _ of side);
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
    floors: { method, ...rule },
    first: comparison.first,
    faults: null,
    stages: comparison.stages,
    ignored: comparison.ignored,
    logits: comparison.logits,
    decode: describeDecode(comparison),
    checks: { candidate: invariants[0].result(), reference: invariants[1].result() },
    unseen: unseen(comparison.stages),
    generated: null,
    top: null,
    timings: { total: performance.now() - begin },
  };
}

/** The reference's dump alone says how others are judged: by its measured floors, or by the constants of the mode that it was run in. */
function judgedBy({ floors, config }: DumpMetadata, options: FloorOptions): Omit<Judged, 'tensors'> {
  if (floors && options.floors !== false) {
    const { margin, minimum, method } = floors;
    return { floors: readFloors(floors), rule: ruled({ margin, minimum }, options), method };
  }
  const mode = config?.reference === 'native' ? 'native' : 'exact';
  const rule: LimitRule = { ...RULES[mode], minimum: UNMEASURED[mode] };
  const why = floors ? '--no-floors' : 'the reference has none (probe capture --from llama measures them)';
  return { floors: new Map(), rule: ruled(rule, options), method: `not measured: ${why}` };
}
