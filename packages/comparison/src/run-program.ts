import { Clock } from './clock.js';
import { compare } from './compare.js';
import { firstGiven, UsageError } from './errors.js';
import { Kept } from './kept.js';
import { everyStage, knownByModel, layersOf } from './model.js';
import { readUnlessLlama } from './model-graph.js';
import type { CompareOptions } from './options.js';
import type { Progress } from './progress.js';
import { parsePrompt, tokenize } from './prompt.js';
import type { Report } from './report.js';
import { parseLayers, parseStages } from './selection.js';
import type { Side } from './side.js';
import { llamaSide } from './sides/llama.js';
import { chooseModel, openLlama } from './sides/open.js';
import { program } from './sides/program.js';
import type { Watcher } from './watcher.js';

/**
 * `probe compare --engine COMMAND`: a program of the user's and llama.cpp on the same tokens. The program runs first; llama.cpp then runs what it has
 * run, so that every token that it has decoded is compared, whichever it chose.
 *
 * @throws UsageError for options of the WebGPU engine
 */
export async function runProgram(
  command: string,
  options: CompareOptions,
  progress: Progress,
  signal: AbortSignal,
  watcher?: Watcher,
): Promise<Report> {
  const begin = performance.now();
  const clock = new Clock();
  checkProgramOptions(command, options);
  const prompt = parsePrompt(options);
  Kept.check(options.out); // before anything is opened
  const file = await clock.during('loading', () => chooseModel(options, progress, signal));
  const blockCount = layersOf(file);
  const layers = parseLayers(options.layers, blockCount);
  const asked = options.stages === undefined ? undefined : parseStages(options.stages);
  const { reference, chosen } = await clock.during('loading', () => openLlama(file, options, progress, signal));
  try {
    const graph = await clock.during('loading', () => readUnlessLlama(reference, file));
    const llama = llamaSide(reference, file, chosen, graph);
    const { ids } = await tokenize(prompt, llama.text);
    const { steps, map, engineTimeout: timeout, engineFolder: folder } = options;
    const told = { model: file.path, tokens: ids, steps, stages: asked, layers };
    const how = { ...told, map, timeout, folder, ...knownByModel(file), progress, signal };
    const side = await clock.during('engine', () => program(command, how));
    try {
      const ran = performance.now();
      const { floors, margin, minimum, ruleAt, strict, blame, precision, out } = options;
      const stages = asked ?? everyStage(file);
      const ask = {
        floors,
        margin,
        minimum,
        ruleAt,
        strict,
        steps,
        stages,
        layers,
        blame,
        precision,
        keep: out,
        model: file,
      };
      const report = await compare(side, llama, ask, { progress, watcher, signal, clock });
      const timings = { program: ran - begin, ...report.timings, ...clock.timings() };
      return { ...withLessDecoded(report, side, ids, options), timings };
    } finally {
      await side.close();
    }
  } finally {
    await reference.close();
  }
}

/** Says where a program has decoded fewer tokens than it was asked for. */
function withLessDecoded(
  report: Report,
  { recorded }: Side,
  prompt: readonly number[],
  { steps, strict }: CompareOptions,
): Report {
  const count = (recorded?.tokens.length ?? 0) - prompt.length;
  if (report.tokenDiagnosis || count >= steps) return report;
  const what = `The program decoded ${count === 0 ? 'none' : count} of the ${steps} tokens that --steps asks for`;
  const reason = `${report.reason} ${what}, so ${count === 0 ? 'only the prompt is' : 'the prompt and those are'} compared.`;
  return { ...report, reason, ...(strict && report.verdict === 'agree' ? { verdict: 'incomparable' } : {}) };
}

/** @throws UsageError for what only the engine of ours takes */
export function checkProgramOptions(
  command: string,
  { adapter, stream, inject, ubatch }: Pick<CompareOptions, 'adapter' | 'stream' | 'inject' | 'ubatch'>,
): void {
  if (command.trim() === '')
    throw new UsageError("--engine is empty; wanted a command, such as 'python3 mine.py --out {out}'.");
  const given = {
    '--inject': inject,
    '--ubatch': ubatch,
    '--adapter': adapter === 'auto' ? undefined : adapter,
    '--stream': stream,
  };
  const wrong = firstGiven(given);
  if (wrong === undefined) return;
  throw new UsageError(
    `${wrong} is for the WebGPU engine of llama-probe, and --engine runs a program in its place; leave one of them out.`,
  );
}
