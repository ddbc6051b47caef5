import { type Comparison, compare, describe, type First, type Floors, type LimitRule } from '@llama-probe/diff';
import { type Place, stageKey, type Tensor } from '@llama-probe/dump';
import { type AdapterKind, type Engine, openEngine } from '@llama-probe/engine';
import { openReference, quantizeModel, type Reference, type ReferenceMode } from '@llama-probe/reference';
import { BUNDLED_MODEL, judgedRun, llamaSide, StderrProgress } from 'llama-probe/internal';
import type { Mistake } from './errors.js';
import { placesOf, tokenAt } from './places.js';

const PROMPT = 'What is 2 plus 3?';
const STEPS = 1;

export interface SubjectOptions {
  /** The bundled one unless named; it is quantised to the type. */
  model?: string;
  type: string;
  mode: ReferenceMode;
  adapter?: AdapterKind | 'auto';
  /** Instead of the one that belongs to the mode. */
  minimum?: number;
}

/**
 * A healthy engine into which errors are put, and llama.cpp's run of the same tokens with its floors, kept.
 *
 * @example
 * const subject = await openSubject({ type: 'Q4_K', mode: 'exact' });
 * await subject.finds(subject.places.length - 1, noiseInRow, 1e-4) // true: an error of 1e-4 in the logits is found
 */
export async function openSubject({
  model: file = BUNDLED_MODEL,
  type,
  mode,
  adapter = 'auto',
  ...rule
}: SubjectOptions): Promise<Subject> {
  const model = await quantizeModel({ model: file, type });
  const engine = await openEngine({ model, adapter });
  try {
    const reference = await openReference({ model, mode });
    try {
      return new Subject(engine, await keepRun(reference, engine, rule));
    } finally {
      await reference.close();
    }
  } catch (error) {
    engine.close();
    throw error;
  }
}

/** A run of llama.cpp, and what others are judged by. */
interface KeptRun {
  readonly reference: string;
  readonly tokens: readonly number[];
  readonly forcedTokens: readonly number[];
  readonly tensors: readonly Tensor[];
  readonly floors: Pick<Floors, 'get'>;
  readonly rule: LimitRule;
  /** What the floor is the distance between. */
  readonly method: string;
}

async function keepRun(reference: Reference, engine: Engine, options: { minimum?: number }): Promise<KeptRun> {
  const tokens = await reference.tokenize(PROMPT);
  const { generated } = await reference.run({ tokens, steps: STEPS, stages: [] }).result;
  const run = { tokens, steps: STEPS, forcedTokens: generated.slice(0, STEPS) };
  const progress = new StderrProgress();
  const side = llamaSide(reference, engine.file, { mode: reference.info.mode, why: 'asked for' });
  const judged = await judgedRun(side, run, options, progress.say, new AbortController().signal);
  const tensors = await collect(judged.tensors);
  progress.done();
  return {
    reference: `${reference.info.name} ${reference.info.version}`,
    ...run,
    ...judged,
    floors: judged.freeFloors,
    tensors,
  };
}

/** Holds the engine until it is closed. */
export class Subject {
  readonly places: readonly Place[];
  readonly adapter: string;
  private healthy: ReadonlyMap<string, Tensor> | undefined; // by place, of the prompt

  constructor(
    private readonly engine: Engine,
    readonly kept: KeptRun,
  ) {
    this.places = placesOf(engine.config.blockCount);
    this.adapter = `${engine.adapter.name}, ${engine.adapter.backend}`;
  }

  /** Whether the verdict names exactly the stage, layer, step and token that a mistake was made in. */
  async finds(place: number, mistake: Mistake, size: number): Promise<boolean> {
    const token = tokenAt(place, this.kept.tokens.length);
    const at = { step: 0, ...(this.places[place] as Place) };
    const first = await this.firstWrong(place, mistake, size);
    return first !== null && stageKey(first) === stageKey(at) && first.token === token;
  }

  /** What the verdict names after a mistake at a place. */
  async firstWrong(place: number, mistake: Mistake, size: number): Promise<First | null> {
    this.healthy ??= await this.healthyRun();
    const { headCount: heads } = this.engine.config;
    const key = stageKey({ step: 0, ...(this.places[place] as Place) });
    const tensor = this.healthy.get(key) as Tensor;
    const token = tokenAt(place, this.kept.tokens.length);
    const wrong = mistake({ tensor, heads, token, seed: place }, size);
    return (await this.compare(key, wrong)).first;
  }

  close(): void {
    this.engine.close();
  }

  /** The engine's own rows. @throws Error for a false alarm: nothing can be said of sensitivity then. */
  private async healthyRun(): Promise<Map<string, Tensor>> {
    const { verdict, reason } = await this.compare();
    if (verdict !== 'agree') throw new Error(`a healthy run does not agree: ${reason}`);
    return new Map((await collect(this.run())).map((tensor) => [stageKey(tensor), tensor]));
  }

  private run(wrongKey?: string, wrong?: Float32Array): AsyncIterable<Tensor> {
    const inject = (at: Parameters<typeof stageKey>[0]) => (stageKey(at) === wrongKey ? wrong : undefined);
    const { tokens, forcedTokens } = this.kept;
    return this.engine.run({ tokens, steps: STEPS, forcedTokens, hook: { inject, record: () => true } }).tensors;
  }

  private compare(wrongKey?: string, wrong?: Float32Array): Promise<Comparison> {
    const { floors, rule, tensors, tokens, forcedTokens } = this.kept;
    const { headCount: heads, headCountKv: headsKv } = this.engine.config;
    const all = [...tokens, ...forcedTokens];
    const both = { candidate: all, reference: all };
    return compare(this.run(wrongKey, wrong), stream(tensors), { floors, rule, tokens: both, heads, headsKv });
  }
}

/** @example nameOf({ stage: 'kq', layer: 3 }) === 'kq of layer 3' */
export const nameOf = (place: Place): string => describe({ step: 0, ...place });

async function* stream(tensors: readonly Tensor[]): AsyncGenerator<Tensor> {
  yield* tensors;
}

async function collect(tensors: AsyncIterable<Tensor>): Promise<Tensor[]> {
  const all: Tensor[] = [];
  for await (const tensor of tensors) all.push(tensor);
  return all;
}
