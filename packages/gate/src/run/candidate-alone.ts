import {
  chooseModel,
  dump,
  emptyReport,
  graphOfModel,
  parseLayers,
  parseStages,
  type Report,
  type Side,
  webgpuSide,
} from '@llama-probe/comparison';
import { openingOf } from '@llama-probe/comparison/ask';
import { judge } from '@llama-probe/diff';
import { openEngine } from '@llama-probe/engine';
import type { Baseline } from '../baseline/baseline.js';
import { estimateStages, SLACK } from '../baseline/estimated.js';
import { type SketchedStage, Sketcher } from '../baseline/sketch.js';
import type { GateCase, Work } from '../config/case.js';
import type { Run } from './run.js';

type Case<K extends Work['kind']> = Pick<GateCase, 'limits'> & { readonly work: Extract<Work, { kind: K }> };

interface LoneRun {
  readonly report: Report;
  readonly sketches: ReadonlyMap<string, SketchedStage>;
}

/** The engine on the baseline's tokens, without llama.cpp. */
export async function engineAlone(
  { work, limits }: Case<'engine'>,
  baseline: Baseline,
  { progress, signal }: Run,
): Promise<LoneRun> {
  const begin = performance.now();
  const { options } = work;
  const file = await chooseModel(options, progress, signal);
  const engine = await openEngine({
    model: file.path,
    adapter: options.adapter,
    stream: options.stream,
    onProgress: progress.say,
    signal,
  });
  try {
    const layers = parseLayers(options.layers, engine.config.blockCount);
    const stages = parseStages(options.stages);
    const promptLength = baseline.tokens.length - options.steps;
    const tokens = baseline.tokens.slice(0, promptLength);
    const sketcher = new Sketcher();
    const side = webgpuSide(engine);
    sketcher.begin({ heads: side.about.heads });
    const run = side.run({
      tokens,
      steps: options.steps,
      forcedTokens: baseline.tokens.slice(promptLength),
      ...(options.ubatch === undefined ? {} : { ubatch: options.ubatch }),
      stages,
      layers,
      signal,
    });
    progress.say('running the engine alone');
    for await (const tensor of run.tensors) sketcher.tensor(tensor);
    const { generated } = await run.result;
    const chosen = baseline.tokens.slice(promptLength);
    return conclude(
      baseline,
      sketcher,
      { ...work.options, limits },
      {
        model: { ...baseline.model, file: file.path, bytes: file.bytes },
        tokens,
        candidate: aboutCandidate(side),
        ...graphOfModel(side.about.graph),
        // The baseline does not remember what the reference would say next.
        generated: {
          candidate: { tokens: generated.slice(0, options.steps), text: null },
          reference: { tokens: chosen, text: null },
        },
        timings: { total: performance.now() - begin },
        memory: engine.memory,
      },
    );
  } finally {
    engine.close();
  }
}

/** A dump without a dump of its reference. */
export async function dumpAlone(
  { work, limits }: Case<'dump'>,
  baseline: Baseline,
  signal: AbortSignal,
): Promise<LoneRun> {
  const begin = performance.now();
  const side = await dump(work.candidate, openingOf(work.options));
  try {
    const sketcher = new Sketcher();
    sketcher.begin({ heads: side.about.heads });
    const tokens = side.recorded?.tokens ?? [];
    for await (const tensor of side.run({ tokens, signal }).tensors) sketcher.tensor(tensor);
    return conclude(
      baseline,
      sketcher,
      { ...work.options, limits },
      {
        model: { ...baseline.model, file: side.about.model.file ?? baseline.model.file, bytes: null },
        tokens,
        candidate: aboutCandidate(side),
        ...graphOfModel(side.about.graph),
        timings: { total: performance.now() - begin },
      },
    );
  } finally {
    await side.close();
  }
}

const aboutCandidate = ({ about: { name, backend = 'unknown', adapter = 'unknown' } }: Side): Report['candidate'] => ({
  name,
  backend,
  adapter,
});

function conclude(
  baseline: Baseline,
  sketcher: Sketcher,
  { margin, minimum, limits }: Work['options'] & Pick<GateCase, 'limits'>,
  told: Partial<Report>,
): LoneRun {
  const sketches = sketcher.result();
  const rule = { margin: margin ?? baseline.floors.margin, minimum: minimum ?? baseline.floors.minimum };
  const stages = estimateStages(baseline, sketches, { ...rule, limits });
  const judged = judge(stages);
  const report = {
    ...emptyReport(),
    ...told,
    ...judged,
    reference: { ...baseline.reference, why: 'as the baseline remembers it' },
    floors: {
      method: `${baseline.floors.method}, when the baseline was made; limits ${SLACK.toFixed(2)} times as large, because deltas are estimates`,
      ...rule,
    },
    stages,
    decode: {
      firstDiverged: stages.find(({ verdict }) => verdict === 'diverged')?.step ?? null,
      firstOtherChoice: null,
    },
  };
  return { report, sketches };
}
