import type { Tensor } from '@llama-probe/dump';

const SHOWN = 3; // of each end of a dimension

/** Tensors as llama.cpp's debug callback prints nodes of these names. @see packages/import/src/log/printed.ts */
export function logOf(tensors: readonly Tensor[]): string {
  return tensors.map(nodeOf).join('');
}

function nodeOf({ stage, layer, positions, width, values }: Tensor): string {
  const rows = positions.length;
  const name = layer === null ? stage : `${stage}-${layer}`;
  const from =
    stage === 'embd'
      ? `GET_ROWS(token_embd.weight{8, 12, 1, 1}, inp_tokens{${rows}, 1, 1, 1}})`
      : 'ADD(a{1, 1, 1, 1}, })';
  const lines = Array.from(
    { length: rows },
    (_, row) => `            [${rowOf(values.subarray(row * width, (row + 1) * width))}  ],`,
  );
  const sum = values.reduce((total, value) => total + value, 0);
  return [
    `common_debug_cb_eval: ${name.padStart(24)} = (f32) ${from} = {${width}, ${rows}, 1, 1}`,
    '    [',
    '        [',
    ...lines,
    '        ],',
    '    ]',
    `    sum = ${sum.toFixed(6)}`,
    '',
  ].join('\n');
}

function rowOf(row: Float32Array): string {
  const shown = [...row].map((value) => value.toFixed(4).padStart(12));
  return (shown.length > 2 * SHOWN ? [...shown.slice(0, SHOWN), '   ...', ...shown.slice(-SHOWN)] : shown).join(', ');
}
