import { highest, type TopLogit } from '@llama-probe/diff';
import { cut, type Line, padEnd, padStart, type Segment, tame } from '../../line.js';
import { bar } from '../glyphs.js';
import { NOT_KEPT, nothing, type Scene } from './scene.js';

const TOP = 16;

/** What the last tab is called. */
export const rowTitle = (stage: string): string =>
  stage === 'kq_soft_max' ? 'softmax' : stage === 'result_output' ? 'top logits' : 'row';

/** What a row of this stage means: a head's probabilities, the next token's logits, or for any other stage its shape. */
export function logitsOrProbabilities(scene: Scene): Line[] {
  const { row } = scene.news;
  if (!row) return nothing(NOT_KEPT, scene.width);
  if (scene.detail.at.stage === 'kq_soft_max' && scene.news.detail?.heads)
    return softmax(scene, scene.news.detail.heads);
  return scene.detail.at.stage === 'result_output' ? topLogits(scene) : sparklines(scene);
}

/** How much one head of one token looks at each position, on both sides. */
function softmax({ detail, news, width, height }: Scene, heads: number): Line[] {
  const { row } = news;
  if (!row) return nothing(NOT_KEPT, width);
  const nKv = row.reference.length / heads;
  const head = Math.min(detail.head, heads - 1);
  const page = height - 2;
  const top = Math.max(0, Math.min(detail.scroll, nKv - page));
  const room = Math.max(4, Math.floor((width - 28) / 2));
  const lines: Line[] = [
    [
      [`token ${row.token}, head ${head} of ${heads}`, 'bold'],
      [' · { } another head, ← → another token', 'dim'],
    ],
    [[`${padStart('position', 9)} ${padEnd('candidate', room + 9)} reference`, 'dim']],
  ];
  for (let i = top; i < Math.min(nKv, top + page); i++) {
    const a = row.candidate[head * nKv + i] as number;
    const b = row.reference[head * nKv + i] as number;
    const isWrong = !(Math.abs(a - b) <= 1e-4 + 1e-2 * b);
    lines.push([
      [`${padStart(String(i), 9)} `],
      ...probability(a, room, isWrong ? 'vermillion' : 'sky'),
      [' '],
      ...probability(b, room, 'sky'),
    ]);
  }
  return lines;
}

const probability = (p: number, room: number, tone: 'vermillion' | 'sky'): Segment[] => [
  [`${padStart(p.toFixed(4), 7)} `, ...(p === 0 ? (['dim'] as const) : [])],
  [padEnd(bar(p, room), room), tone],
];

/** The likeliest next tokens on both sides. */
function topLogits({ state, news, width }: Scene): Line[] {
  const { row } = news;
  if (!row) return nothing(NOT_KEPT, width);
  const room = Math.floor((width - 6) / 2);
  const ours = topOf(row.candidate);
  const theirs = topOf(row.reference);
  const texts = spelled(state);
  const side = (one: TopLogit | undefined, isSame: boolean): Segment => {
    if (!one) return [' '.repeat(room)];
    const text = texts.get(one.id);
    const name = text === undefined ? '' : ` ${JSON.stringify(tame(text))}`;
    return [
      padEnd(cut(`${padStart(one.logit.toFixed(4), 10)}  ${one.id}${name}`, room), room),
      ...(isSame ? [] : (['vermillion'] as const)),
    ];
  };
  return [
    [
      [`after token ${row.token}`, 'bold'],
      [' · the highest logits; coloured: another token than the reference has there', 'dim'],
    ],
    [[`${padStart('', 4)} ${padEnd('     logit  candidate', room)} ${padEnd('     logit  reference', room)}`, 'dim']],
    ...theirs.map(
      (their, i): Line => [
        [`${padStart(String(i + 1), 4)} `],
        side(ours[i], ours[i]?.id === their.id),
        [' '],
        side(their, true),
      ],
    ),
  ];
}

const known = new WeakMap<Float32Array, readonly TopLogit[]>();

/** A row of logits is long and a picture is drawn often, so each is looked through once. */
function topOf(logits: Float32Array): readonly TopLogit[] {
  const top = known.get(logits) ?? highest(logits, TOP);
  known.set(logits, top);
  return top;
}

/** What the report spells of the tokens. */
function spelled({ report }: Scene['state']): ReadonlyMap<number, string> {
  const texts = new Map<number, string>();
  for (const side of ['candidate', 'reference'] as const) {
    report?.logits?.topK[side].forEach(({ id }, i) => {
      const text = report.top?.[side][i];
      if (text != null) texts.set(id, text);
    });
  }
  return texts;
}

const LEVELS = '▁▂▃▄▅▆▇█';

/** The shape of a row: the largest magnitude of each stretch of values. */
function sparklines({ news, width, height }: Scene): Line[] {
  const { row } = news;
  if (!row) return nothing(NOT_KEPT, width);
  const { candidate, reference, token } = row;
  const delta = reference.map((b, i) => (candidate[i] as number) - b);
  const columns = Math.min(width - 12, reference.length);
  const largest = (values: Float32Array) => values.reduce((most, x) => (Math.abs(x) > most ? Math.abs(x) : most), 0);
  const scale = Math.max(largest(reference), largest(candidate)) || 1;
  const line = (name: string, values: Float32Array, by: number, tone: 'sky' | 'vermillion'): Line => [
    [padEnd(name, 11)],
    [spark(values, columns, by), tone],
  ];
  return [
    [
      [`token ${token}`, 'bold'],
      [` · ${reference.length} values, the largest |value| of every ${Math.ceil(reference.length / columns)}`, 'dim'],
    ],
    [],
    line('candidate', candidate, scale, 'sky'),
    line('reference', reference, scale, 'sky'),
    line('|Δ|', delta, largest(delta) || 1, 'vermillion'),
    [],
    [
      [
        `|Δ| is drawn to its own scale: its largest is ${largest(delta).toExponential(1)}, the values’ ${scale.toExponential(1)}`,
        'dim',
      ],
    ],
  ].slice(0, height) as Line[];
}

function spark(values: Float32Array, columns: number, scale: number): string {
  const every = values.length / columns;
  let text = '';
  for (let column = 0; column < columns; column++) {
    let most = 0;
    for (let i = Math.floor(column * every); i < Math.floor((column + 1) * every); i++)
      most = Math.max(most, Math.abs(values[i] as number) || 0);
    text += LEVELS[Math.min(LEVELS.length - 1, Math.floor((most / scale) * LEVELS.length))];
  }
  return text;
}
