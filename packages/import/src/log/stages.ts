import { lookUp, normBefore, type Place } from '@llama-probe/dump/stage';
import type { PrintedNode } from './printed.js';

/** A node that is a stage, and how its elements are rows. */
export interface StageOfLog extends Place {
  /** ggml's (width, token, head), which is to be (token, head, width). */
  readonly isByHeads?: boolean;
}

interface Rule {
  readonly ops: readonly string[];
  readonly stage: string;
  readonly isByHeads?: boolean;
}

/** Where a name of llama.cpp's stands for several nodes, or for one in another order. */
const RULES: Readonly<Record<string, readonly Rule[]>> = {
  inp_embd: [{ ops: ['GET_ROWS'], stage: 'embd' }],
  Qcur: [
    { ops: ['MUL_MAT', 'ADD', 'VIEW'], stage: 'q_proj' },
    { ops: ['ROPE'], stage: 'q_rope' },
  ],
  Kcur: [
    { ops: ['MUL_MAT', 'ADD', 'VIEW'], stage: 'k_proj' },
    { ops: ['ROPE'], stage: 'k_rope' },
  ],
  Vcur: [{ ops: ['MUL_MAT', 'ADD', 'VIEW'], stage: 'v_proj' }],
  kq: [{ ops: ['MUL_MAT'], stage: 'kq', isByHeads: true }],
  kq_soft_max: [{ ops: ['SOFT_MAX'], stage: 'kq_soft_max', isByHeads: true }],
  kqv: [{ ops: ['MUL_MAT'], stage: 'kqv', isByHeads: true }],
};

const NO_COMPUTATION = new Set(['NONE', 'RESHAPE', 'VIEW', 'PERMUTE', 'TRANSPOSE', 'SET_ROWS', 'CPY']);

/**
 * The stage that a node of a log is, under the names that captures of llama.cpp have; undefined where it is none.
 *
 * @param next the node behind it, which tells what a norm is for, and whether a bias is still to be added
 */
export function stageOf(node: PrintedNode, next: PrintedNode | undefined): StageOfLog | undefined {
  const own = alone(node);
  if (!own) return undefined;
  const isUsed = next?.sources.includes(node.name) ?? false;
  if (own.stage === 'norm' && isUsed && next) {
    const weighted = alone(next);
    const weight = next.sources.find((source) => source.endsWith('.weight'));
    const stage = normBefore(weighted?.stage, weight, node.op) ?? own.stage;
    return { ...own, stage, layer: own.layer ?? weighted?.layer ?? null };
  }
  const after = isUsed && node.op === 'MUL_MAT' && next?.op === 'ADD' ? alone(next) : undefined;
  return after?.stage === own.stage && after.layer === own.layer ? undefined : own;
}

function alone({ name, op, sources }: PrintedNode): StageOfLog | undefined {
  // llama.cpp gives the product with the output weight no name.
  const output = sources.map((source) => /^blk\.(\d+)\.attn_output\.(?:weight|bias)$/.exec(source)).find(Boolean);
  if (output && (op === 'MUL_MAT' || op === 'ADD')) return { stage: 'attn_out', layer: Number(output[1]) };
  const { stage, layer: named } = split(name);
  // Some architectures name a node of a layer without it.
  const block = sources.map((source) => /^blk\.(\d+)\.\w+\.(?:weight|bias)$/.exec(source)?.[1]).find(Boolean);
  const layer = named ?? (block === undefined ? null : Number(block));
  const rules = lookUp(RULES, stage);
  if (rules) {
    const rule = rules.find(({ ops }) => ops.includes(op));
    return rule && { stage: rule.stage, layer, ...(rule.isByHeads ? { isByHeads: true } : {}) };
  }
  const isAnonymous = /^(node|leaf)(_\d+)?$/.test(stage) || stage.includes(' ') || stage.includes('#');
  return isAnonymous || NO_COMPUTATION.has(op) ? undefined : { stage, layer };
}

/** @example split('ffn_out-12') → { stage: 'ffn_out', layer: 12 } */
function split(name: string): Place {
  const [, stage = name, layer] = /^(.*)-(\d{1,4})$/.exec(name) ?? [];
  return { stage, layer: layer === undefined ? null : Number(layer) };
}
