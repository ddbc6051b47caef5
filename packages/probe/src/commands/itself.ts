import { howFar, type Itself, type ItselfOptions, runItself, type WayReport } from '@llama-probe/comparison';
import { color, tameAll } from '@llama-probe/report';

export { type Itself, type ItselfOptions, runItself };

const SHOWN = 8;
const SIGNS = { agree: color.green('✓'), diverged: color.red('✗'), incomparable: color.yellow('?') } as const;

/** The same as text. */
export function itselfText(raw: Itself): string {
  const { candidate, tokens, base, precision, ways, notes, verdict, reason } = tameAll(raw);
  const { name, version, adapter } = candidate;
  const who = [name, version, adapter].filter(Boolean).join(', ');
  const count = `${tokens.length} ${tokens.length === 1 ? 'token' : 'tokens'}`;
  const width = Math.max(base.name.length, ...ways.map((way) => way.name.length)) + 2;
  const batches = Math.max(base.batches.length, ...ways.map((way) => way.batches.length)) + 2;
  return [
    `${who}: the same ${count} in ${ways.length + 1} ways, held to what rounding explains (${LIMITS[precision]})`,
    '',
    `    ${base.name.padEnd(width)}${base.batches.padEnd(batches)}what the others are held to`,
    ...ways.map(
      (way) => `  ${SIGNS[way.verdict]} ${way.name.padEnd(width)}${way.batches.padEnd(batches)}${found(way)}`,
    ),
    ...ways.flatMap(byPosition),
    ...[...notes, ...ways.flatMap((way) => way.notes.map((note) => `${way.name}: ${note}`))].map((note) => `  ${note}`),
    '',
    `${SIGNS[verdict]} ${verdict}: ${reason}`,
  ].join('\n');
}

const LIMITS = {
  f32: 'sums in f32',
  native: 'activations are quantised',
  bf16: 'values of bf16',
  f16: 'values of f16',
} as const satisfies Record<Itself['precision'], string>;

const place = ({ layer, stage }: { readonly layer: number | null; readonly stage: string }) =>
  `${stage}${layer === null ? '' : ` of layer ${layer}`}`;

function found({ first, isBitwise, rows, stages, worst, verdict }: WayReport): string {
  if (first) return `from token ${first.position} on, at ${place(first)} first`;
  if (verdict === 'incomparable') return 'nothing was compared';
  const what = `${rows} rows of ${stages} stages`;
  if (isBitwise) return `the same to the bit: ${what}`;
  return worst?.delta == null
    ? what
    : `the same but for rounding: ${what}, ${worst.delta.toExponential(1)} at most of its limit ${worst.limit.toExponential(1)}`;
}

/** Which stage is the first that differs, position by position. */
function byPosition({ name, differing }: WayReport): string[] {
  if (differing.length === 0) return [];
  const lines = differing
    .slice(0, SHOWN)
    .map(
      (one) =>
        `  token ${String(one.position).padEnd(5)} ${place(one).padEnd(26)} ${howFar(one)}; ${one.stages} stages in all`,
    );
  const more = differing.length > SHOWN ? [`  and ${differing.length - SHOWN} more tokens`] : [];
  return ['', `${name}: the first stage that differs, by token:`, ...lines, ...more];
}
