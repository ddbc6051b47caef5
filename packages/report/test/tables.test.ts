import { tableFromIPC } from 'apache-arrow';
import pl from 'nodejs-polars';
import { describe, expect, test } from 'vitest';
import { arrow } from '../src/tables/arrow.js';
import { csv } from '../src/tables/csv.js';
import { COLUMNS } from '../src/tables/rows.js';
import { fault, finding, HOSTILE, nothing, sick, stage, wrong } from './support/findings.js';

/** CSV as RFC 4180 has it. */
function parse(text: string): Record<string, string>[] {
  const rows = [...text.matchAll(/(?:"(?:[^"]|"")*"|[^",\n]*)(?:,(?:"(?:[^"]|"")*"|[^",\n]*))*\n/g)].map(([line]) =>
    [...line.slice(0, -1).matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(
      ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
    ),
  );
  const [head = [], ...rest] = rows;
  return rest.map((cells) => {
    expect(cells).toHaveLength(head.length);
    return Object.fromEntries(head.map((name, i) => [name, cells[i] ?? '']));
  });
}

/** The rows as apache-arrow reads them. */
const read = (bytes: Uint8Array): Record<string, unknown>[] =>
  tableFromIPC(bytes)
    .toArray()
    .map((row) => ({ ...row.toJSON() }));

describe('CSV', () => {
  test('has a row per step, layer and stage, with what the faults say of it', () => {
    const rows = parse(csv([sick()]));
    expect(rows).toHaveLength(6);
    expect(Object.keys(rows[0] ?? {})).toEqual(COLUMNS.map(({ name }) => name));
    expect(rows[1]).toMatchObject({
      run: 'model.gguf, 3 tokens',
      verdict_of_run: 'diverged',
      step: '0',
      layer: '0',
      stage: 'q_rope',
      rows: '2',
      width: '4',
      rel: '0.5',
      is_fault: 'true',
      inherits_stage: '',
      cause: 'rope-halves',
      cause_confidence: 'confirmed',
      verdict: 'diverged',
    });
    expect(rows[5]).toMatchObject({
      step: '1',
      stage: 'kq',
      is_fault: 'false',
      inherits_step: '1',
      inherits_stage: 'q_rope',
      cause: '',
    });
  });

  test('writes what is no number, leaves empty what is not there, and keeps small numbers whole', () => {
    const stages = [
      wrong({
        rel: Number.NaN,
        ofLimit: Number.POSITIVE_INFINITY,
        cosine: -0.25,
        sqnr: Number.NEGATIVE_INFINITY,
        rms: 1.234567890123e-7,
      }),
    ];
    const [row] = parse(csv([finding({ verdict: 'diverged', stages })]));
    expect(row).toMatchObject({
      layer: '',
      rel: 'NaN',
      of_limit: 'Infinity',
      cosine: '-0.25',
      sqnr: '-Infinity',
      floor: '',
      is_fault: '',
      local: '',
    });
    expect(Number(row?.rms)).toBe(1.234567890123e-7);
  });

  test('quotes what needs it, and no text begins like a formula', () => {
    const text = csv([
      finding({ stages: ['=1+1', '+1', '-1', '@x', '\tx', 'a "b", c\r\nd'].map((name) => stage({ stage: name })) }),
    ]);
    expect(parse(text).map(({ stage }) => stage)).toEqual(["'=1+1", "'+1", "'-1", "'@x", '·x', 'a "b", c··d']);
    const hostile = csv([finding({ stages: [stage({ stage: HOSTILE })] }, { name: '::error::pwned' })]);
    expect(parse(hostile)).toHaveLength(1);
    expect(hostile).not.toMatch(/^::/m);
  });

  test('a run of which nothing was compared has a row that says so', () => {
    const rows = parse(csv([finding(), nothing()]));
    expect(rows).toHaveLength(3);
    expect(rows[2]).toMatchObject({
      verdict_of_run: 'incomparable',
      step: '',
      stage: '',
      verdict: '',
      reason: 'The two sides ran different tokens.',
    });
  });

  test('without a run from the reference only the first stage has a cause, and nobody knows the faults', () => {
    const { first } = sick().report;
    const [, first_, kq] = parse(csv([sick({ faults: null, first })]));
    expect(first_).toMatchObject({ is_fault: '', cause: 'rope-halves' });
    expect(kq).toMatchObject({ is_fault: '', cause: '' });
  });
});

describe('Arrow', () => {
  test('has the same rows as the CSV, with types', () => {
    const runs = [sick(), finding({}, { name: 'b' }), nothing()];
    const rows = read(arrow(runs));
    expect(rows).toHaveLength(parse(csv(runs)).length);
    expect(rows[1]).toMatchObject({
      run: 'model.gguf, 3 tokens',
      step: 0,
      layer: 0,
      stage: 'q_rope',
      count: 8n,
      rel: 0.5,
      is_fault: true,
      floor: null,
      inherits_layer: null,
    });
    expect(rows.at(-1)).toMatchObject({ verdict_of_run: 'incomparable', step: null, stage: null });
    const { schema } = tableFromIPC(arrow(runs));
    expect(Object.fromEntries(schema.fields.map(({ name, type }) => [name, String(type).toLowerCase()]))).toEqual(
      Object.fromEntries(COLUMNS.map(({ name, type }) => [name, type])),
    );
  });

  test('keeps NaN and Infinity, whatever text, and no rows at all', () => {
    const stages = [wrong({ stage: HOSTILE, rel: Number.NaN, sqnr: Number.POSITIVE_INFINITY })];
    const [row] = read(arrow([finding({ stages })]));
    expect(row).toMatchObject({
      rel: Number.NaN,
      sqnr: Number.POSITIVE_INFINITY,
      stage: HOSTILE.replace('\ud800', '\ufffd'),
    });
    expect(read(arrow([]))).toEqual([]);
  });

  test('says in its metadata what was compared', () => {
    const { metadata } = tableFromIPC(arrow([sick()])).schema;
    expect(metadata.get('llama_probe.comparison')).toBe('1');
    expect(JSON.parse(metadata.get('llama_probe.runs') ?? '')).toMatchObject([
      {
        name: 'model.gguf, 3 tokens',
        verdict: 'diverged',
        tokens: [1, 2, 3],
        model: { arch: 'llama' },
        floors: { margin: 10 },
      },
    ]);
  });

  test('polars reads it', () => {
    const frame = pl.readIPC(
      Buffer.from(arrow([sick(), finding({ stages: [wrong({ rel: Number.NaN })] }), nothing()])),
    );
    expect(frame.shape).toEqual({ height: 8, width: COLUMNS.length });
    expect(frame.getColumn('stage').toArray()[1]).toBe('q_rope');
    expect(frame.getColumn('is_fault').toArray()).toEqual([false, true, false, false, true, false, null, null]);
    expect(
      frame
        .getColumn('count')
        .toArray()
        .slice(-2)
        .map((value) => (value === null ? null : Number(value))),
    ).toEqual([8, null]);
  });

  test('behind its magic it is a whole stream without dictionaries or compression, as DuckDB reads files', () => {
    const bytes = arrow([sick()]);
    expect(new TextDecoder().decode(bytes.subarray(0, 8))).toBe('ARROW1\0\0');
    const stream = bytes.subarray(8);
    const end = Buffer.from(stream).indexOf(Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]));
    expect(end).toBeGreaterThan(0);
    expect(read(stream.slice(0, end + 8))).toHaveLength(6);
    expect(end % 8).toBe(0);
  });

  test('a fault of another step is none of this one', () => {
    const rows = read(arrow([sick({ faults: [fault({ steps: [1] })], first: null })]));
    expect(rows.filter(({ is_fault }) => is_fault).map(({ step, stage }) => [step, stage])).toEqual([[1, 'q_rope']]);
  });
});
