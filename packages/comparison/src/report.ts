import {
  type Checked,
  type Comparison,
  type Fault,
  Invariants,
  NOTHING_ALONE,
  type Observation,
  type Observer,
  observe,
  type TokenDiagnosis,
  type Unseen,
} from '@llama-probe/diff';
import { encodeGraph, type Graph, type GraphDescription } from '@llama-probe/dump/stage';
import type { Diagnosis } from '@llama-probe/oracle';
import { type Decode, describeDecode } from './decode.js';
import type { Held } from './floors/held.js';
import type { KnownPrecision } from './floors/precision.js';
import type { Side } from './side.js';
import { type Sources, withSource } from './sources.js';

/** A fault with what is known of its cause. */
export type NamedFault = Fault & { readonly diagnosis: Diagnosis | null };

/** What holds by itself of each side, whatever the other one says. */
export interface Checks {
  readonly candidate: Checked;
  readonly reference: Checked;
}

/** What a side says, greedily. */
export interface Generated {
  readonly tokens: readonly number[];
  /** null where the model has no vocabulary. */
  readonly text: string | null;
}

/** Everything that a comparison has to say: what `--json` prints, and what every other output is drawn from. */
export interface Report extends Omit<Comparison, 'greedy' | 'gaps' | 'passedOver' | 'aside'> {
  readonly schema: 1;
  readonly model: {
    readonly file: string;
    readonly arch: string;
    readonly quantization: string;
    readonly layers: number | null;
    readonly bytes: number | null;
  };
  readonly tokens: readonly number[];
  readonly reference: {
    readonly name: string;
    readonly version: string;
    readonly mode: string;
    /** Why this mode. */
    readonly why?: string;
    readonly cpuVariant?: string;
    /** llama.cpp's logits are the same, bit for bit, with and without being watched. */
    readonly callbackChangesNothing?: boolean;
    /** What was done to what another program wrote, to read it as a run. */
    readonly notes?: readonly string[];
  };
  readonly candidate: {
    readonly name: string;
    readonly backend: string;
    readonly adapter: string;
    /** The known bugs that were put into its run. */
    readonly injected?: readonly string[];
    /** What it keeps its values in; absent where that is f32, and nobody said so. */
    readonly precision?: KnownPrecision;
    /** What was done to what another program wrote, to read it as a run. */
    readonly notes?: readonly string[];
  };
  /** What each stage of the model is computed from, where that was read from the model; without it stages are taken for a Llama's. */
  readonly graph?: GraphDescription;
  /** How the limits came about: a multiple of the floor, and a minimum. */
  readonly floors: { readonly method: string; readonly margin: number; readonly minimum: number };
  /** The stages that are wrong by themselves, from inputs that both sides had; null where that was not looked at. */
  readonly faults: readonly NamedFault[] | null;
  /** Whose inputs those were: the reference's, or, of a recorded run, those that the candidate itself had; null as `faults` is. */
  readonly inputsOf: 'reference' | 'candidate' | null;
  readonly decode: Decode;
  /** What holds of each side by itself. */
  readonly checks: Checks;
  /** Which known bug computes the numbers of the first wrong stage; null where that was not tried. */
  readonly diagnosis: Diagnosis | null;
  /** In what the two token lists differ; null where they are the same. */
  readonly tokenDiagnosis: TokenDiagnosis | null;
  /** What is remarkable about the candidate's numbers, beside the reference's: facts, and no verdict. */
  readonly observations: readonly Observation[];
  /** What these tokens cannot show. */
  readonly unseen: readonly Unseen[];
  /** What both sides say after the prompt, greedily. */
  readonly generated: { readonly candidate: Generated; readonly reference: Generated } | null;
  /** The texts of `logits.topK`. */
  readonly top: {
    readonly candidate: readonly (string | null)[];
    readonly reference: readonly (string | null)[];
  } | null;
  /** Milliseconds. */
  readonly timings: Readonly<Record<string, number>>;
  /** Bytes on the GPU. */
  readonly memory?: { readonly weights: number; readonly state: number; readonly arena: number };
}

/** What is compared with what. */
export type AboutSides = Pick<Report, 'model' | 'reference' | 'candidate' | 'tokens'>;

/** @param tokens what the report calls the run's */
export function aboutSides(candidate: Side, reference: Side, tokens: readonly number[]): AboutSides {
  const [ours, theirs] = [candidate.about, reference.about];
  const model = { ...ours.model, ...theirs.model };
  return {
    model: {
      file: model.file ?? UNKNOWN,
      arch: theirs.model.arch ?? ours.model.arch ?? UNKNOWN,
      quantization: theirs.model.quantization ?? ours.model.quantization ?? UNKNOWN,
      layers: theirs.model.layers ?? ours.model.layers ?? null,
      bytes: theirs.model.bytes ?? ours.model.bytes ?? null,
    },
    tokens,
    reference: {
      name: theirs.name,
      version: theirs.version,
      mode: theirs.mode ?? UNKNOWN,
      ...(theirs.why === undefined ? {} : { why: theirs.why }),
      ...(theirs.cpuVariant === undefined ? {} : { cpuVariant: theirs.cpuVariant }),
      ...notesOf(theirs),
    },
    candidate: {
      name: ours.name,
      backend: ours.backend ?? UNKNOWN,
      adapter: ours.adapter ?? UNKNOWN,
      ...(ours.injected === undefined ? {} : { injected: ours.injected }),
      ...notesOf(ours),
    },
  };
}

const notesOf = ({ notes = [] }: Side['about']): { notes?: readonly string[] } => (notes.length > 0 ? { notes } : {});

const UNKNOWN = 'unknown';

/** Everything that was found. */
export interface Found {
  readonly about: AboutSides;
  readonly sources?: Sources | undefined;
  readonly named: Comparison & Pick<Report, 'faults' | 'inputsOf' | 'diagnosis'>;
  readonly held: Pick<Held, 'method' | 'rule'>;
  readonly precision: KnownPrecision;
  readonly callbackChangesNothing: boolean | undefined;
  readonly checks: Checks;
  readonly observers: { readonly candidate: Observer; readonly reference: Observer };
  readonly texts: Pick<Report, 'generated' | 'top'>;
  readonly memory: Report['memory'];
  readonly tokenDiagnosis: TokenDiagnosis | null;
  readonly unseen: readonly Unseen[];
  readonly timings: Report['timings'];
  readonly graph: Graph | undefined;
}

export function reportOf(found: Found): Report {
  const { about, named, held, precision, checks, observers, texts, memory, callbackChangesNothing } = found;
  const { greedy, gaps: _, passedOver: __, aside: ___, ...comparison } = named;
  const { first, faults } = comparison;
  return {
    ...emptyReport(comparison.reason),
    ...about,
    ...comparison,
    first: first && withSource(first, found.sources),
    faults: faults?.map((fault) => withSource(fault, found.sources)) ?? null,
    reference: {
      ...about.reference,
      ...(callbackChangesNothing === undefined ? {} : { callbackChangesNothing }),
    },
    ...(precision.format === 'f32' && precision.from === 'values'
      ? {}
      : { candidate: { ...about.candidate, precision } }),
    floors: { method: held.method, ...held.rule },
    decode: describeDecode({ stages: comparison.stages, greedy }),
    checks,
    tokenDiagnosis: found.tokenDiagnosis,
    observations: observe(observers.candidate.result(), observers.reference.result(), about.reference.name),
    unseen: found.unseen,
    ...texts,
    timings: found.timings,
    ...(memory === undefined ? {} : { memory }),
    ...graphOfModel(found.graph),
  };
}

/** What a report has of a graph. */
export const graphOfModel = (graph: Graph | undefined): Pick<Report, 'graph'> =>
  graph?.isOfModel ? { graph: encodeGraph(graph) } : {};

/** A report of nothing, to be filled with what is known. */
export function emptyReport(reason = ''): Report {
  const nothing: Checked = new Invariants({}).result();
  return {
    schema: 1,
    verdict: 'incomparable',
    reason,
    model: { file: UNKNOWN, arch: UNKNOWN, quantization: UNKNOWN, layers: null, bytes: null },
    tokens: [],
    reference: { name: UNKNOWN, version: UNKNOWN, mode: UNKNOWN },
    candidate: { name: UNKNOWN, backend: UNKNOWN, adapter: UNKNOWN },
    floors: { method: 'not measured', margin: 0, minimum: 0 },
    first: null,
    faults: null,
    inputsOf: null,
    stages: [],
    ignored: [],
    alone: NOTHING_ALONE,
    logits: null,
    decode: { firstDiverged: null, firstOtherChoice: null },
    checks: { candidate: nothing, reference: nothing },
    diagnosis: null,
    tokenDiagnosis: null,
    observations: [],
    unseen: [],
    generated: null,
    top: null,
    timings: {},
  };
}
