import { type Progress, UsageError } from '@llama-probe/comparison/ask';
import { type GgufFile, numberOfType, openGguf, TensorFiles, type TensorInfo } from '@llama-probe/engine';
import { type GgmlWeights, openGgmlWeights } from '@llama-probe/reference';
import { modelOf } from '../model.js';
import { selected } from '../select.js';
import { concludeComparison, remarksOf } from './conclude.js';
import { explain } from './explain.js';
import { headsOf } from './heads.js';
import { ggufRows, inFile } from './matrix.js';
import { type Other, type OtherTensor, openOther } from './other.js';
import type { PairReport, WeightsComparison } from './report.js';
import { say } from './say.js';

export interface CompareWeightsOptions {
  /** A GGUF file. */
  readonly model: string;
  /** Another GGUF file, a safetensors file, a folder of shards, or a folder with a file for each tensor. */
  readonly against: string;
  /** Names or patterns, with commas between them; all tensors without it. */
  readonly tensor?: string | undefined;
}

/** How many differing tensors are looked for among the others: each costs a look at every one of its shape. */
const MOST_SEARCHED = 24;

/**
 * The weights of a GGUF file, as ggml reads them, held to those of another file, or to what an engine has made of them: what differs, and how.
 *
 * @throws ModelError, DumpError, UsageError, UnsupportedLibraryError; whatever the signal says
 * @example await compareWeights({ model: 'model.gguf', against: 'model.safetensors' }, progress, signal)
 */
export async function compareWeights(
  options: CompareWeightsOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<WeightsComparison> {
  const gguf = await openGguf(options.model);
  const names = selected([...gguf.tensors.keys()], options.tensor, gguf.path);
  const ggml = await openGgmlWeights({ signal });
  let other: Other | undefined;
  const files = new TensorFiles();
  try {
    other = await openOther(options.against, gguf, ggml);
    const asked = [...gguf.tensors.values()].filter(({ name, type }) => {
      return names.has(name) && ggml.types.get(numberOfType(type.name))?.reads;
    });
    checkCommon(asked, other, gguf);
    const pairs: PairReport[] = [];
    let searched = 0;
    for (const [index, tensor] of asked.entries()) {
      signal.throwIfAborted();
      progress.say(`comparing tensor ${index + 1} of ${asked.length}`);
      const theirs = other.tensors.get(tensor.name);
      if (!theirs) continue;
      const pair = await pairOf({ gguf, files, ggml, other }, tensor, theirs, searched < MOST_SEARCHED);
      if (pair.verdict === 'differs') searched++;
      pairs.push(pair);
    }
    const { missing, remarks } = absent(asked, other, gguf);
    const extra = options.tensor === undefined ? other.extra : [];
    const model = modelOf(gguf);
    return {
      schema: 1,
      ...concludeComparison({ pairs, missing, extra, model, other }),
      model,
      reference: { name: 'llama.cpp', version: ggml.version },
      other: { file: other.file, format: other.format, tensors: other.count },
      ...{ pairs, missing, extra },
      remarks: [...remarks, ...remarksOf(pairs, model.architecture, other)],
    };
  } finally {
    await files.close();
    await other?.close();
    await ggml.close();
  }
}

interface Sides {
  readonly gguf: GgufFile;
  readonly files: TensorFiles;
  readonly ggml: GgmlWeights;
  readonly other: Other;
}

async function pairOf(
  { gguf, files, ggml, other }: Sides,
  tensor: TensorInfo,
  theirs: OtherTensor,
  isSearched: boolean,
): Promise<PairReport> {
  const { name, type, shape } = tensor;
  function* others() {
    for (const one of isSearched ? gguf.tensors.values() : []) {
      const rows = ggufRows(one);
      if (one.name !== name && ggml.types.get(rows.type)?.reads) yield [one.name, inFile(ggml, rows)] as const;
    }
  }
  const found = await explain(files, tensor, theirs.matrix, headsOf(gguf, name), others, ggml);
  const architecture = String(gguf.metadata['general.architecture'] ?? 'unknown');
  const otherType = theirs.matrix.type;
  const first = found.measure?.first;
  return {
    ...{ name, type: type.name, shape, other: theirs.names, otherType, otherShape: theirs.shape },
    ...say({ name, type: type.name, otherType, architecture, other }, found),
    layout: found.layout,
    values: found.values,
    misreading: found.misreading,
    is: found.is,
    count: found.measure?.count ?? 0,
    differing: found.measure?.differing ?? 0,
    rel: found.measure?.rel ?? Number.NaN,
    first: first ? { ...first, block: Math.floor(first.column / type.elements) } : null,
  };
}

function checkCommon(asked: readonly TensorInfo[], other: Other, gguf: GgufFile): void {
  if (asked.some(({ name }) => other.tensors.has(name))) return;
  const theirs = [...other.tensors.keys(), ...other.extra].slice(0, 3).join(', ');
  throw new UsageError(
    `--against: ${other.file} and ${gguf.path} have no tensor in common: there it is ${theirs || 'nothing'}, here ${asked[0]?.name}. ` +
      'Name the tensors as GGUF (blk.0.attn_q.weight) or Hugging Face (model.layers.0.self_attn.q_proj.weight) does.',
  );
}

/** What the other side has not. A head that is tied, and what a converter computes, is not missing. */
function absent(asked: readonly TensorInfo[], other: Other, gguf: GgufFile): { missing: string[]; remarks: string[] } {
  const remarks: string[] = [];
  const missing = asked.map(({ name }) => name).filter((name) => !other.tensors.has(name));
  const left = missing.filter((name) => {
    if (name !== 'rope_freqs.weight' || other.isGguf) return true;
    remarks.push('rope_freqs.weight is in the GGUF file only: the converter computes it from the config.');
    return false;
  });
  if (!gguf.tensors.has('output.weight') && other.extra.includes('lm_head.weight')) {
    remarks.push(
      'The GGUF file has no output.weight: its head is tied to the embedding; the other side has lm_head.weight.',
    );
  }
  return { missing: left, remarks };
}
