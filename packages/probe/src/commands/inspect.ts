import { nearest, openingOf, type ReadOptions, UsageError } from '@llama-probe/comparison/ask';
import type { DumpMetadata, Tensor } from '@llama-probe/dump';
import { openRun } from '@llama-probe/import';
import { shown, tame, tameAll } from '@llama-probe/report/tame';
import Table from 'cli-table3';

export interface InspectOptions extends ReadOptions {
  stage?: string;
  layer?: string;
  step?: string;
  values?: string;
  json?: boolean;
}

/** Statistics of one tensor of a dump. */
export interface TensorStatistics {
  readonly step: number;
  readonly order: number;
  readonly layer: number | null;
  readonly stage: string;
  readonly shape: readonly [number, number];
  readonly rms: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  readonly nan: number;
  readonly inf: number;
  /** The first values of each row, where they were asked for. */
  readonly values?: readonly (readonly number[])[];
}

/** What `probe inspect --json` prints. */
export interface Inspection {
  readonly schema: 1;
  readonly file: string;
  readonly bytes: number;
  readonly metadata: DumpMetadata;
  /** What was done to what another program wrote, to read it as a run. */
  readonly notes?: readonly string[];
  readonly tensors: readonly TensorStatistics[];
}

/** `probe inspect DUMP`: what a dump holds. */
export async function runInspect(path: string, options: InspectOptions, signal: AbortSignal): Promise<Inspection> {
  const wanted = {
    stage: options.stage,
    layer: integer('--layer', options.layer),
    step: integer('--step', options.step),
    values: integer('--values', options.values) ?? 0,
  };
  const dump = await openRun(path, openingOf(options));
  const tensors: TensorStatistics[] = [];
  const names = new Set<string>();
  try {
    for await (const tensor of dump.tensors({ isKept: false })) {
      signal.throwIfAborted();
      names.add(tensor.stage);
      if (wanted.stage !== undefined && tensor.stage !== wanted.stage) continue;
      if (wanted.layer !== undefined && tensor.layer !== wanted.layer) continue;
      if (wanted.step !== undefined && tensor.step !== wanted.step) continue;
      tensors.push(statistics(tensor, wanted.values));
    }
  } finally {
    await dump.close();
  }
  if (wanted.stage !== undefined && !names.has(wanted.stage)) {
    throw new UsageError(
      `--stage: ${path} has no stage "${wanted.stage}"; did you mean ${nearest(wanted.stage, [...names])}? It has ${[...names].join(', ')}.`,
    );
  }
  const { bytes, metadata, notes } = dump;
  return { schema: 1, file: path, bytes, metadata, ...(notes.length > 0 ? { notes } : {}), tensors };
}

/** The same as text. */
export function inspectText({ file, bytes, metadata, notes = [], tensors: raw }: Inspection): string {
  const tensors = raw.map((one) => ({ ...one, stage: shown(one.stage) }));
  const table = new Table({
    head: ['step', 'layer', 'stage', 'rows', 'width', 'RMS', 'mean', 'min', 'max', 'NaN', 'Inf'],
    colAligns: ['right', 'right', 'left', 'right', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const one of tensors) {
    const numbers = [one.rms, one.mean, one.min, one.max].map((value) => value.toPrecision(4));
    table.push([one.step, one.layer ?? '', one.stage, ...one.shape, ...numbers, one.nan, one.inf]);
  }
  const values = tensors.flatMap((one) =>
    (one.values ?? []).map(
      (row, i) =>
        `${one.step}/${one.layer ?? '-'}/${one.stage}[${i}]  ${row.map((value) => value.toPrecision(6)).join(' ')}`,
    ),
  );
  const { tokens, prompt } = metadata;
  const producer = tameAll(metadata.producer);
  return [
    `${tame(file)}: ${bytes} bytes, ${tensors.length} tensors, by ${producer.name} ${producer.version}`,
    `tokens: ${tokens.length}: ${tokens.slice(0, 16).join(' ')}${tokens.length > 16 ? ' …' : ''}${prompt === undefined ? '' : `, prompt ${tame(JSON.stringify(prompt.slice(0, 60)))}`}`,
    ...tameAll(notes),
    table.toString(),
    ...values,
  ].join('\n');
}

function statistics({ step, order, layer, stage, positions, width, values }: Tensor, shown: number): TensorStatistics {
  let sum = 0;
  let squares = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let nan = 0;
  let inf = 0;
  for (const value of values) {
    if (Number.isNaN(value)) nan++;
    else if (!Number.isFinite(value)) inf++;
    else {
      sum += value;
      squares += value * value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  const count = Math.max(1, values.length - nan - inf);
  return {
    step,
    order,
    layer,
    stage,
    shape: [positions.length, width],
    rms: Math.sqrt(squares / count),
    mean: sum / count,
    min,
    max,
    nan,
    inf,
    ...(shown > 0
      ? {
          values: Array.from(positions, (_, row) =>
            Array.from(values.subarray(row * width, row * width + Math.min(shown, width))),
          ),
        }
      : {}),
  };
}

function integer(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${name}: "${text}" is not a whole number.`);
  return Number(text);
}
