/**
 * Shows what is said of engines that share no code with this project, for docs/limits.md: `probe compare --engine` with test/engine/mini-llama.mjs, or with
 * test/engine/llama.py, healthy and with each of its bugs, in several formats, orders of Q and K, and precisions. A Markdown table.
 *
 *   node scripts/dist/foreign-engines.js [--engine javascript|python] [--architectures llama,qwen3,gemma3,gpt-oss] [--bugs rope-halves,gelu] [--runs 3] [--perturbed]
 *
 * Each bug runs in three of the combinations, another choice for each, or in as many as --runs says. With --perturbed, instead of the bugs: each kind of error of test/engine/perturbations.mjs, which are no
 * known bugs, at one stage of one of the architectures (but the Llama), in turn.
 *
 * Exit code 1 where a healthy run is accused, a bug or an error is found at another stage or layer, or a name is called confirmed that is not its own.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { completeArchitecture, type TinyArchitecture, writeGguf } from '@llama-probe/testing';
import { compare, llama, program, type Report, type Side } from 'llama-probe';
import { BUNDLED_MODEL } from 'llama-probe/internal';

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'javascript' },
    architectures: { type: 'string', default: 'llama' },
    bugs: { type: 'string' },
    runs: { type: 'string', default: '3' },
    perturbed: { type: 'boolean', default: false },
  },
});
const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const ENGINES: Readonly<Record<string, { readonly command: string; readonly formats: readonly string[] }>> = {
  javascript: {
    command: `"${process.execPath}" "${root('test/engine/mini-llama.mjs')}"`,
    formats: ['arrow', 'safetensors', 'npz'],
  },
  python: { command: `python3 "${root('test/engine/llama.py')}"`, formats: ['safetensors', 'npz', 'npy'] },
};
const ENGINE = ENGINES[values.engine];
if (ENGINE === undefined) throw new Error(`--engine ${values.engine}: wanted ${Object.keys(ENGINES).join(' or ')}`);

/** At which stage a bug shows first, its name (null: it has none), and the first layer that can have it. */
type Bug = readonly [stage: string, id: string | null, layer?: number];
/** The bugs that both engines have. */
const { BUGS, NAMES_IN_HF } = (await import(root('test/engine/llama.mjs'))) as {
  BUGS: Readonly<Record<string, Bug>>;
  NAMES_IN_HF: Readonly<Record<string, string>>;
};
/** Those of the engine in JavaScript only. */
const { ARCHITECTURES } = (await import(root('test/engine/architectures.mjs'))) as {
  ARCHITECTURES: Readonly<Record<string, { readonly bugs: Readonly<Record<string, Bug>> }>>;
};
const { PERTURBATIONS } = (await import(root('test/engine/perturbations.mjs'))) as {
  PERTURBATIONS: Readonly<Record<string, unknown>>;
};
const LAYER = 1;
/** More than a window has. */
const TOKENS = [1, 40, 41, 26, 37, 43, 28, 41, 28, 40, 36, 27];
/** Bugs whose numbers are nearer to the right ones than bf16 rounds: an epsilon of 1e-3 beside a mean square of 30, √48 as bf16 has it, GELU by a sigmoid. */
const BELOW_BF16: ReadonlySet<string> = new Set(['rms-eps', 'embedding-scale-in-bf16', 'gelu-sigmoid']);
/** Stages that are changed: not those of which a later one follows by a choice (the experts' numbers). */
const PERTURBED = ['q_proj', 'k_rope', 'v_proj', 'kq', 'kqv_out', 'attn_out', 'attn_norm', 'l_out', 'q_rope'];
const PERTURBED_OF: Readonly<Record<string, readonly string[]>> = {
  qwen3: ['Qcur_normed', 'k_rms', 'ffn_inp', 'ffn_norm', 'ffn_gate', 'ffn_swiglu', 'ffn_out'],
  gemma3: ['Kcur_normed', 'attn_post_rms', 'sa_out', 'ffn_up', 'ffn_geglu', 'ffn_post_norm', 'q_rms'],
  'gpt-oss': ['ffn_inp', 'attn_post_norm', 'ffn_moe_gate', 'ffn_moe_swiglu_oai', 'ffn_moe_down', 'ffn_moe_out'],
};

interface Combination {
  readonly format: string;
  readonly order: string;
  readonly precision: string;
}
interface Subject {
  readonly bugs: Readonly<Record<string, Bug>>;
  readonly combinations: readonly Combination[];
  readonly model: string;
  readonly tokens: readonly number[];
  readonly reference: Side;
}

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-foreign-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const wrong: string[] = [];
for (const name of values.architectures.split(',')) {
  const subject = await subjectOf(name);
  console.log(`\n${name}\n`);
  await (values.perturbed ? tryPerturbed(name, subject) : tryBugs(subject));
  await subject.reference.close();
}
for (const line of wrong) console.log(`\n${line}`);
process.exitCode = wrong.length > 0 ? 1 : 0;

async function subjectOf(name: string): Promise<Subject> {
  const formats = ENGINE?.formats ?? [];
  const inAll = (orders: readonly string[]) =>
    formats.flatMap((format) =>
      orders.flatMap((order) => ['f32', 'bf16'].map((precision) => ({ format, order, precision }))),
    );
  if (name === 'llama') {
    const reference = await llama(BUNDLED_MODEL);
    const tokens = (await reference.text?.tokenize('What is 2 plus 3?', { addSpecial: true })) ?? [];
    const combinations = inAll(['gguf', 'hf']);
    return { bugs: BUGS, combinations, model: BUNDLED_MODEL, tokens, reference };
  }
  const other = ARCHITECTURES[name];
  if (other === undefined || values.engine !== 'javascript')
    throw new Error(`--architectures ${name}: wanted llama, or of javascript ${Object.keys(ARCHITECTURES).join(', ')}`);
  const model = join(folder, `${name}.gguf`);
  writeFileSync(model, writeGguf(completeArchitecture(name as TinyArchitecture)).bytes);
  const combinations = inAll(['gguf']);
  const reference = await llama(model);
  return { bugs: other.bugs, combinations, model, tokens: TOKENS, reference };
}

async function tryBugs(subject: Subject): Promise<void> {
  const { bugs, combinations } = subject;
  const counts = { sick: 0, atStage: 0, catalogued: 0, named: 0, likely: 0 };
  await each(combinations, async (combination) => {
    const { verdict, reason } = await run(subject, '', combination);
    if (verdict !== 'agree') wrong.push(`healthy, ${textOf(combination)}: ${reason}`);
  });
  console.log('| bug | where | runs | at that stage | named | otherwise |\n|---|---|---|---|---|---|');
  for (const [i, name] of (values.bugs?.split(',') ?? Object.keys(bugs)).entries()) {
    const bug = bugs[name] as Bug;
    const visible = combinations.filter(({ precision }) => precision === 'f32' || !BELOW_BF16.has(name));
    // Five further each time: in three of them both precisions, and with two orders both of these and all formats.
    const some = Array.from({ length: Math.min(Number(values.runs), visible.length) }, (_, run) => {
      return visible[(i + 5 * run) % visible.length] as Combination;
    });
    const runs = await each(some, (one) => told(subject, name, bug, one));
    const count = (is: (one: (typeof runs)[number]) => boolean) => runs.filter(is).length;
    const [atStage, named] = [count((one) => one.isAtStage), count((one) => one.isNamed)];
    counts.sick += runs.length;
    counts.atStage += atStage;
    counts.named += named;
    counts.likely += count((one) => one.isLikely);
    if (bug[1] !== null) counts.catalogued += runs.length;
    const others = [...new Set(runs.flatMap(({ other }) => other ?? []))].join(', ');
    console.log(`| ${name} | ${bug[0]} | ${runs.length} | ${atStage} | ${bug[1] === null ? '–' : named} | ${others} |`);
  }
  const share = (count: number, of: number) => `${count} of ${of} (${((100 * count) / of).toFixed(1)} %)`;
  console.log(
    `\n${combinations.length} healthy runs. Runs with a bug: at its stage ${share(counts.atStage, counts.sick)}; ` +
      `of those in the catalogue, named ${share(counts.named, counts.catalogued)}, of these ${counts.likely} as likely.`,
  );
}

async function told(subject: Subject, bug: string, [stage, id, layer = LAYER]: Bug, combination: Combination) {
  const { first, verdict, reason } = await run(subject, `--bug ${bug} --from ${layer}`, combination, bug);
  const isInLayers = !['embd', 'inp_scaled', 'result_output'].includes(stage);
  const isAtStage = verdict === 'diverged' && first?.stage === stage && (!isInLayers || first.layer === layer);
  const cause = first?.cause;
  const name = (combination.order === 'hf' && NAMES_IN_HF[bug]) || id;
  const isNamed = isAtStage && name !== null && cause?.id === name;
  if (!isAtStage) wrong.push(`${bug}, ${textOf(combination)}: ${reason}`);
  else if (!isNamed && cause?.confidence === 'confirmed')
    wrong.push(`${bug}, ${textOf(combination)}: ${cause.id} is called confirmed`);
  const isLikely = isNamed && cause?.confidence === 'likely';
  const other = isNamed ? undefined : `${cause?.confidence ?? 'no cause'} ${cause?.id ?? ''}`.trim();
  return { isAtStage, isNamed, isLikely, other };
}

async function tryPerturbed(architecture: string, subject: Subject): Promise<void> {
  const stages = [...PERTURBED, ...(PERTURBED_OF[architecture] ?? [])];
  const asked = values.architectures.split(',');
  const kinds = Object.keys(PERTURBATIONS).filter((_, i) => i % asked.length === asked.indexOf(architecture));
  const confidences = await each(kinds, async (kind) => {
    const stage = stages[kinds.indexOf(kind) % stages.length] as string;
    const combination = { format: 'arrow', order: 'gguf', precision: 'f32' };
    const { first, verdict, reason } = await run(
      subject,
      `--perturb ${kind} --at ${stage} --from ${LAYER}`,
      combination,
      kind,
    );
    const isAtStage = verdict === 'diverged' && first?.stage === stage && first.layer === LAYER;
    if (!isAtStage) wrong.push(`${architecture}, ${kind} at ${stage}: ${reason}`);
    const cause = first?.cause;
    if (cause?.confidence === 'confirmed')
      wrong.push(`${architecture}, ${kind} at ${stage}: ${cause.id} is called confirmed`);
    if (cause) console.log(`${kind} at ${stage}: ${cause.confidence} ${cause.id}`);
    return { isAtStage, confidence: cause?.confidence ?? 'no cause' };
  });
  const found = confidences.filter(({ isAtStage }) => isAtStage).length;
  const count = (is: string) => confidences.filter(({ confidence }) => confidence === is).length;
  console.log(
    `\n${kinds.length} kinds of error: ${found} at their stage; no cause ${count('no cause')}, likely ${count('likely')}, confirmed ${count('confirmed')}.`,
  );
}

/** As `probe compare --engine` does, with one llama.cpp for all runs. */
async function run(
  { model, tokens, reference }: Subject,
  own: string,
  { format, order, precision }: Combination,
  name = 'healthy',
): Promise<Report> {
  const engine = `${ENGINE?.command} ${own} --format ${format} --order ${order} --precision ${precision}`;
  const steps = name === 'decode-position' ? 1 : 0;
  const candidate = await program(engine, { model, tokens, steps });
  try {
    const report = await compare(candidate, reference, { steps });
    process.stderr.write(`${name}, ${textOf({ format, order, precision })}: ${report.verdict}\n`);
    return report;
  } finally {
    await candidate.close();
  }
}

function textOf({ format, order, precision }: Combination): string {
  return `${format}, ${order} order, ${precision}`;
}

/** What becomes of each, one after another. */
async function each<A, B>(all: readonly A[], make: (one: A) => Promise<B>): Promise<B[]> {
  const made: B[] = [];
  for (const one of all) made.push(await make(one));
  return made;
}
