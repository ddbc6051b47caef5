import { type AboutTokens, diagnoseTokens, unseen } from '@llama-probe/diff';
import { isInVocabulary, type Place, placeKey } from '@llama-probe/dump/stage';
import { type GgufFile, openGguf } from '@llama-probe/engine';
import type { CompareAsk, Look, Looking } from './asked.js';
import { blame } from './blame/blame.js';
import { OpenJudge } from './blame/judge.js';
import { checkSides } from './checks.js';
import { Clock, onClock } from './clock.js';
import { unmoved } from './diagnosis/unmoved.js';
import { precisionOf } from './floors/precision.js';
import { freeRun, modelOf } from './free.js';
import { withoutLayouts } from './layouts.js';
import { everyStage } from './model.js';
import { makePlan, type Plan } from './plan.js';
import { aboutSides, type Report, reportOf } from './report.js';
import type { Side } from './side.js';
import { textsOf } from './texts.js';

/**
 * Compares two sides: where they first differ, which stages are wrong by themselves, and which known bugs that is.
 *
 * Where an engine can go on from other rows, a second run tells what is wrong from what inherits it. Neither side is closed.
 *
 * @throws DumpError, ModelError, … of the sides; whatever the signal says when it fires
 * @example
 * const report = await compare(await dump('mine.arrow'), await dump('reference.arrow'), { model: await openGguf('model.gguf') });
 * if (report.verdict === 'diverged') console.log(report.reason);
 */
export async function compare(ours: Side, theirs: Side, asked: CompareAsk = {}, look: Look = {}): Promise<Report> {
  const begin = performance.now();
  const { watcher, clock = new Clock() } = look;
  const before = clock.read();
  const given = onClock(ours, 'engine', clock);
  const reference = onClock(theirs, theirs.about.name === 'llama.cpp' ? 'llama' : 'engine', clock);
  const looking: Looking = {
    progress: { say: look.progress?.say ?? (() => {}) },
    watcher,
    signal: look.signal ?? new AbortController().signal,
    clock,
  };
  const model = await clock.during('loading', () => modelFile(asked.model, reference, given));
  // Of two runs that are over nothing is left to choose.
  const isOver = given.recorded !== undefined && reference.recorded !== undefined;
  const stages = asked.stages ?? (isOver ? undefined : (given.stages ?? (model && everyStage(model))));
  const ask = { ...asked, stages };
  const plan = await makePlan(given, reference, ask, looking.progress, looking.signal);
  const judges = new OpenJudge(model, looking);
  try {
    const precision = await precisionOf(given, ask.precision);
    const runFree = (side: Side) => {
      watcher?.begin({ ...aboutSides(side, reference, plan.shown), ...expected(side, reference, plan, ask) });
      return clock.during('diff', () => freeRun(side, reference, plan, ask, precision, judges, looking));
    };
    let candidate = given;
    let free = await runFree(given);
    for (;;) {
      const { comparison } = free;
      const undone = await clock.during('diff', () =>
        withoutLayouts(candidate, reference, plan, comparison, modelOf(given, reference)),
      );
      if (!undone) break;
      candidate = undone;
      free = await runFree(undone);
    }
    const compared = performance.now();
    const blamed = await clock.during('diff', () => blame(candidate, reference, plan, free, ask, judges, looking));
    const explained = performance.now();
    if (look.blamed && blamed && !('why' in blamed)) {
      const { heads, headsKv } = modelOf(given, reference);
      const comparable = free.comparison.stages.filter(({ verdict }) => verdict !== 'incomparable');
      const there = new Set(comparable.map(placeKey));
      const has = (place: Place) => there.has(placeKey(place));
      await look.blamed(blamed, { ids: plan.tokens.candidate, heads: { heads, headsKv }, has });
    }
    const name = async () => {
      if (!blamed) return { ...free.comparison, faults: null, inputsOf: null, diagnosis: null };
      const { nameCauses } = await import('./causes.js'); // the known bugs, and what computes them
      return nameCauses(candidate, reference, plan, free.comparison, blamed, model, looking);
    };
    // What runs again for it is of it, too.
    const named = await (blamed && !('why' in blamed) ? clock.during('diagnosis', name, true) : name());
    // Of a run that is over and that nobody could blame, the weights are looked at all the same.
    const closer = named.faults !== null || (candidate.recorded !== undefined && named.verdict === 'diverged');
    const checks = await clock.during('diff', () =>
      checkSides(candidate, reference, plan, free, { closer, model }, looking),
    );
    const speller = () => clock.during('loading', async () => ask.text?.());
    const text = reference.text ?? candidate.text ?? (free.comparison.logits ? await speller() : undefined);
    const ubatch = plan.run.ubatch ?? (candidate.recorded && free.checks.candidate.rowsAtOnce);
    const texts = await clock.during('llama', () => textsOf(candidate, plan, free.comparison, free.generated, text));
    const { parts, total } = clock.read(before);
    return reportOf({
      about: aboutSides(candidate, reference, plan.shown), // again: what was done to a file is known when it was read
      sources: candidate.about.sources,
      named,
      held: free.held,
      precision: { ...precision, ...(free.isOnlyStored ? { stored: true } : {}) },
      callbackChangesNothing: free.callbackChangesNothing,
      checks,
      observers: { candidate: free.checks.candidate.observer, reference: free.checks.reference.observer },
      tokenDiagnosis: diagnoseTokens(plan.tokens.candidate, plan.tokens.reference, spelling(model)) ?? null,
      unseen: [
        ...(candidate.doesNotShow ?? []),
        ...unmoved(candidate.injected ?? new Map(), named.stages),
        ...unseen(named.stages, ubatch),
      ],
      texts,
      memory: candidate.memory,
      graph: modelOf(candidate, reference).graph,
      timings: {
        compare: compared - begin,
        ...(named.faults ? { teacherForced: explained - compared } : {}),
        total,
        ...parts,
      },
    });
  } finally {
    await judges.close();
  }
}

/** The file with the weights: the one that was given, or that of a side. */
async function modelFile(given: CompareAsk['model'], ...sides: readonly Side[]): Promise<GgufFile | undefined> {
  if (typeof given === 'string') return openGguf(given);
  return given ?? sides.find(({ file }) => file)?.file;
}

/** What there will be to see, as far as it is known when a comparison begins. */
function expected(candidate: Side, reference: Side, { run, unwatched, shown }: Plan, { stages, layers }: CompareAsk) {
  const { heads, headsKv, graph } = modelOf(candidate, reference);
  const told = reference.about.expects ?? candidate.about.expects;
  const steps = (unwatched ? run.steps : (run.steps ?? told?.steps)) ?? null;
  const names =
    typeof stages === 'object'
      ? stages
      : graph && !told
        ? graph.names.filter((name) => stages === 'all' || isInVocabulary(name))
        : (told?.stages ?? null);
  return {
    heads: { heads, headsKv },
    stages: names,
    layers: layers ?? told?.layers ?? null,
    steps,
    // Of a recorded run the report has all tokens: here those that are decoded are the steps.
    tokens: unwatched || steps === null ? shown : shown.slice(0, shown.length - steps),
  };
}

/** How the model's file spells its tokens. */
function spelling(file: GgufFile | undefined): AboutTokens {
  if (!file) return {};
  const pieces = file.metadata['tokenizer.ggml.tokens'];
  const id = (name: string) => {
    const value = file.metadata[`tokenizer.ggml.${name}_token_id`];
    return value === undefined ? undefined : Number(value);
  };
  const piece = Array.isArray(pieces) ? (token: number) => pieces[token] as string | undefined : undefined;
  return { bos: id('bos'), eos: id('eos'), piece };
}
