import type { Tensor, TensorStreamWriter } from '@llama-probe/dump';
import { Capture } from '../capture/capture.js';
import { Evaluation } from '../capture/evaluation.js';
import { type KnownGraph, Look } from '../capture/look.js';
import { batchSizes, highest, missingNotes, type Pass } from '../capture/passes.js';
import { Replacement } from '../capture/replace.js';
import { Rounding } from '../capture/rounding.js';
import type { TabledNodes } from '../capture/tabled.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import { GivenReader } from '../process/given-frames.js';
import { FROM_PIPE, type RunParameters } from '../process/protocol.js';
import type { BlockModel } from './block-model.js';
import { GivenPasses } from './given-passes.js';
import { HeadGiven, HeadRows } from './head.js';
import { type Parts, PartsLook } from './parts.js';
import { BlockSeer, HeadSeer, type Stream } from './seers.js';
import { Spool } from './spool.js';

/** What a run is made with, beside what was asked for. */
export interface BlockRun {
  readonly library: LlamaLibrary;
  /** Has the vocabulary of the whole model. */
  readonly vocabulary: Pointer;
  /** A model of one block with room for so many different tokens. */
  blocks(distinct: number): { readonly model: BlockModel; readonly tabled: TabledNodes };
  /** The greedy tokens after some, most likely. */
  guess(tokens: readonly number[], count: number): number[];
}

/** The graph of one block, evaluated for a number of tokens. */
interface Graph {
  readonly parts: Parts;
  readonly width: number;
  /** Of the whole model, where rows are given. */
  readonly known: KnownGraph | undefined;
}

/** One pass on its way through the blocks. */
interface Running {
  readonly pass: Pass;
  readonly graph: Graph;
  readonly stream: Stream;
  readonly replacement: Replacement | undefined;
  readonly capture: Capture | undefined;
  readonly write: (tensor: Tensor) => void;
}

/** The passes of a run, gone through block by block. What is written goes out in the order of a whole model's run. */
export class BlockPasses {
  private readonly captures: boolean;
  private readonly rounding: Rounding | undefined;
  private readonly given: GivenPasses | undefined;
  private readonly spool = new Spool();
  private readonly said = new Set<string>();
  readonly delivered = new Set<string>();
  readonly existing = new Set<string>();
  private readonly choices: Float32Array[] = []; // the logits of the last prompt pass and of each step
  private order = 0; // of the first pass's tensors, which go out at once
  private all: readonly Pass[] = [];

  constructor(
    private readonly run: BlockRun,
    private readonly parameters: RunParameters,
    private readonly stream: TensorStreamWriter,
  ) {
    const { stages, from, round } = parameters;
    this.captures = stages.length > 0 || from !== undefined;
    this.rounding = round && new Rounding(run.library, round);
    const reader = from === undefined ? undefined : new GivenReader(FROM_PIPE, from);
    this.given = reader && new GivenPasses(() => reader.next());
  }

  get notes(): string[] {
    return [...this.said, ...missingNotes(this.parameters, this)].filter((note, i, all) => all.indexOf(note) === i);
  }

  /**
   * @param begin the first pass whose tensors are wanted: those before it have been evaluated
   * @returns what the logits choose after the prompt and after each step
   */
  evaluate(all: readonly Pass[], begin: number): number[] {
    const { run, parameters } = this;
    const distinct = [...new Set(all.flatMap(({ ids }) => ids))];
    const { model, tabled } = run.blocks(distinct.length);
    const rowOf = new Map(distinct.map((id, row) => [id, row]));
    const evaluations = model.addresses.map((address) => new Evaluation(run.library, address, parameters, NOBODY));
    try {
      const [graphs] = evaluations.map((evaluation) => this.lookAt(model, evaluation, all)) as [Map<number, Graph>];
      this.all = all;
      this.given?.cut(all);
      for (let pass = begin; pass < all.length; pass++) {
        this.spool.clear(pass);
      }
      const running = all.map((pass, i) =>
        this.start(pass, i, i >= begin, graphs.get(pass.ids.length) as Graph, tabled),
      );
      const decode = (evaluation: Evaluation, { ids, first }: Pass) =>
        evaluation.decode(
          ids.map((id) => rowOf.get(id) as number),
          first,
        );
      for (let layer = 0; layer < model.layers; layer++) {
        if (layer === 0) model.useTokens(distinct);
        model.useBlock(layer);
        const evaluation = evaluations[model.kindOf(layer)] as Evaluation;
        evaluation.clearCache();
        for (const { pass, graph, stream, capture } of running) {
          evaluation.seer = new BlockSeer(run.library, graph.parts, layer, stream, capture, model.queryScale);
          decode(evaluation, pass);
        }
      }
      this.head(model, evaluations[0] as Evaluation, running, tabled, decode);
      return this.choices.map(highest);
    } finally {
      for (const evaluation of evaluations) evaluation.free();
    }
  }

  /** Writes what has waited for its turn. */
  end(): void {
    for (const [index, pass] of this.all.entries()) {
      if (index > 0) {
        for (const tensor of this.spool.read(index)) this.stream.write({ ...tensor, order: this.order++ });
      }
      const isLastOfStep = this.all[index + 1]?.step !== pass.step;
      if (isLastOfStep && this.parameters.logits) this.writeLogits(pass);
    }
  }

  close(): void {
    this.spool.close();
    this.given?.close();
  }

  private writeLogits({ step, first, ids }: Pass): void {
    const values = this.choices[step] as Float32Array;
    const positions = Int32Array.of(first + ids.length - 1);
    this.stream.write({
      step,
      order: step,
      layer: null,
      stage: 'result_output',
      positions,
      width: values.length,
      values,
    });
  }

  /** The graph for each number of tokens, with whatever weights there are. */
  private lookAt(model: BlockModel, evaluation: Evaluation, all: readonly Pass[]): Map<number, Graph> {
    const { library } = this.run;
    const { tokens, ubatch } = this.parameters;
    const graphs = new Map<number, Graph>();
    for (const count of batchSizes(tokens.length, ubatch, all.length > 1 ? 1 : 0)) {
      if (!all.some(({ ids }) => ids.length === count)) continue;
      const looks = { parts: new PartsLook(library), graph: new Look(library) };
      evaluation.seer = {
        evaluate(address, ask) {
          looks.graph.evaluate(address, ask);
          return looks.parts.evaluate(address, ask);
        },
      };
      evaluation.decode(new Array(count).fill(0), 0);
      evaluation.clearCache();
      const parts = looks.parts.parts();
      const known = this.given && looks.graph.known(count, { ...parts, layers: model.layers });
      graphs.set(count, { parts, width: looks.parts.width(), known });
    }
    return graphs;
  }

  private start(pass: Pass, index: number, isWanted: boolean, graph: Graph, tabled: TabledNodes): Running {
    const { given, run } = this;
    const { step, first, ids } = pass;
    const next = given?.reader(index);
    const replacement = next && new Replacement(run.library, next);
    const write = (tensor: Tensor) => {
      if (!isWanted) return;
      if (index > 0) return this.spool.put(index, tensor);
      this.stream.write({ ...tensor, order: this.order++ });
    };
    const capture = this.captureOf(write, tabled, replacement);
    capture?.begin(step, first, ids.length, graph.known);
    return { pass, graph, stream: new Float32Array(ids.length * graph.width), replacement, capture, write };
  }

  private captureOf(
    write: (tensor: Tensor) => void,
    tabled: TabledNodes,
    replacement: Replacement | HeadGiven | undefined,
  ): Capture | undefined {
    const { rounding, parameters } = this;
    if (!this.captures && !rounding && tabled.size === 0) return undefined;
    return new Capture(this.run.library, parameters, write, { replacement, tabled, rounding });
  }

  /** The head of all passes, slice by slice. */
  private head(
    model: BlockModel,
    evaluation: Evaluation,
    running: readonly Running[],
    tabled: TabledNodes,
    decode: (evaluation: Evaluation, pass: Pass) => void,
  ): void {
    const { library } = this.run;
    const heads = running.map(({ replacement, ...one }) => ({
      ...one,
      rows: new HeadRows(model.vocabulary, model.rows),
      given: replacement && new HeadGiven(replacement, model.vocabulary, model.rows),
    }));
    for (const { capture } of running) this.finish(capture);
    for (const slice of model.slices) {
      model.useSlice(slice);
      evaluation.clearCache();
      for (const { pass, graph, stream, rows, given } of heads) {
        rows.begin();
        given?.use(slice);
        const capture = this.captureOf((tensor) => rows.put(tensor, slice), tabled, given);
        const { entry, exit } = graph.parts;
        capture?.begin(pass.step, pass.first, pass.ids.length, graph.known, entry + 1 + model.layers * (exit - entry));
        evaluation.seer = new HeadSeer(library, graph.parts, stream, capture);
        decode(evaluation, pass);
        this.finish(capture);
        rows.putLogits(evaluation.lastLogits(model.rows), slice);
      }
    }
    for (const { pass, rows, write } of heads) {
      for (const tensor of rows.tensors) write(tensor);
      this.choices[pass.step] = rows.logits;
    }
    for (const { replacement } of running) {
      replacement?.end();
      for (const note of replacement?.notes ?? []) this.said.add(note);
    }
  }

  /** A capture has seen its part of a pass. */
  private finish(capture: Capture | undefined): void {
    if (!capture) return;
    if (this.captures || this.rounding) capture.end();
    for (const note of capture.notes) this.said.add(note);
    for (const stage of capture.delivered) this.delivered.add(stage);
    for (const stage of capture.existing) this.existing.add(stage);
  }
}

/** There has to be somebody who looks on, for others to take its place. */
const NOBODY = { evaluate: (_address: Pointer, ask: boolean) => !ask };
