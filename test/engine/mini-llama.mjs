// An engine of somebody else's, for `probe compare --engine`: what it is to run it takes from its options, or else from the environment.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readGguf } from '../../examples/javascript/gguf.js';
import { ARCHITECTURES } from './architectures.mjs';
import { openDecoder } from './decoder.mjs';
import { FORMATS } from './formats.mjs';
import { BUGS, CACHE_BUGS, openLlama } from './llama.mjs';
import { changeAt, PERTURBATIONS } from './perturbations.mjs';

const text = { type: 'string' };
const { values: given } = parseArgs({
  options: {
    model: text,
    tokens: text,
    steps: text,
    chunk: text,
    out: text,
    bug: text,
    'cache-bug': text,
    from: text,
    window: text,
    perturb: text,
    at: text,
    order: text,
    format: text,
    precision: text,
    'only-asked': { type: 'boolean' },
  },
});
const { env } = process;
const model = given.model ?? env.PROBE_MODEL;
const tokens = (given.tokens ?? env.PROBE_TOKENS).split(',').map(Number);
const steps = Number(given.steps ?? env.PROBE_STEPS ?? 0);
const chunk = Number(given.chunk || env.PROBE_CHUNK) || tokens.length;
const out = given.out ?? env.PROBE_OUT;
const {
  bug,
  from = '0',
  window = '4',
  order = 'gguf',
  format = 'arrow',
  precision = 'f32',
  'cache-bug': cacheBug,
  perturb,
  at: perturbed = 'ffn_out',
} = given;
const file = readGguf(new Uint8Array(readFileSync(model)).buffer);
const other = ARCHITECTURES[file.metadata['general.architecture']];

/** Stages that are asked for; empty: all. Those beside them are written too, unless that is not wanted. */
const asked = (given['only-asked'] && env.PROBE_STAGES?.split(',').filter(Boolean)) || [];

/** To the nearest value of so many bits, ties to even. */
const nearest = (bits, least) => (value) => {
  if (value === 0 || !Number.isFinite(value)) return value;
  const ulp = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), least) - bits + 1);
  const [down, rest] = [Math.floor(value / ulp), value / ulp - Math.floor(value / ulp)];
  return (rest > 0.5 || (rest === 0.5 && down % 2 !== 0) ? down + 1 : down) * ulp;
};
const ROUND = { f32: Math.fround, f16: nearest(11, -14), bf16: nearest(8, -126) };

for (const [name, value, known] of [
  ['bug', bug, Object.keys(other?.bugs ?? BUGS)],
  ['cache-bug', cacheBug, Object.keys(CACHE_BUGS)],
  ['perturb', perturb, Object.keys(PERTURBATIONS)],
  ['format', format, Object.keys(FORMATS)],
  ['precision', precision, Object.keys(ROUND)],
  ['order', order, ['gguf', 'hf']],
]) {
  if (value === undefined || known.includes(value)) continue;
  console.error(`mini-llama: --${name} ${value} is unknown; wanted one of ${known.join(', ')}`);
  process.exit(64);
}

const wrong = { bug, round: ROUND[precision], from: Number(from) };
const forward = other
  ? openDecoder(file, { ...wrong, change: perturb && changeAt(perturb, perturbed, wrong.from) })
  : openLlama(file, { ...wrong, order, window: Number(window), cacheBug });
const pieces = [];
const all = [...tokens];
let pass = tokens;
for (let step = 0; step <= steps; step++) {
  const begin = all.length - pass.length;
  let logits;
  for (let at = 0; at < pass.length; at += chunk) {
    let n = 0;
    logits = forward(pass.slice(at, at + chunk), step, (stage, layer, rows) => {
      if (asked.length === 0 || asked.includes(stage))
        pieces.push({ step, order: n++, layer, stage, first: begin + at, rows });
    });
  }
  if (step === steps) break;
  pass = [logits.indexOf(logits.reduce((a, b) => Math.max(a, b)))];
  all.push(...pass);
}
FORMATS[format](pieces, all, out);
