import { ADAPTERS, CANDIDATES, DEFAULTS, MODES, PRECISIONS, WAYS } from '@llama-probe/comparison/ask';
import { OUTPUTS } from '@llama-probe/report/outputs';
import { InvalidArgumentError, Option } from 'commander';

/** Under which a long help has its options. */
export const HEADINGS = {
  what: 'What is run:',
  part: 'Which part of it:',
  how: 'How it is run:',
  limits: 'What may differ:',
  output: 'Outputs (a report to - goes to standard output):',
  view: 'How it is shown:',
} as const;

const under =
  (heading: keyof typeof HEADINGS) =>
  (flags: string, description: string): Option =>
    new Option(flags, description).helpGroup(HEADINGS[heading]);

const what = under('what');
const part = under('part');
const how = under('how');
const limits = under('limits');
const output = under('output');
const view = under('view');

/** The options of the commands that run something; a command takes those it needs. */
export const OPTIONS = {
  model: () => what('-m, --model <file>', 'a GGUF file (default: the bundled model)'),
  prompt: () => what('-p, --prompt <text>', 'the text to run (default: "Hello")'),
  promptFile: () => what('--prompt-file <file>', 'read the prompt from a file'),
  tokens: () => what('--tokens <ids>', 'token ids instead of a text, such as 1,15043'),
  engine: (
    description = 'compare a program of yours instead of the WebGPU engine: it is executed, told {model}, {tokens}, {steps}, and writes a dump to {out}',
  ) => what('--engine <command>', description),
  from: () => what('--from <side>', "whose stages: llama.cpp's, or the engine's").choices(['llama', 'webgpu']),
  chunks: () =>
    what(
      '--chunks <sizes>',
      'how many tokens at once, one way for each, such as 3,8 (default: 3,8; of a program, if it takes {chunk})',
    ),
  ids: () => what('--ids <ids>', 'token ids instead of a text, such as 1,15043: what they stand for'),
  against: () => what('--against <file>', "another tokenizer's ids of the text: a JSON array, or numbers, one a line"),
  noSpecial: () => how('--no-special', 'special tokens that are written in the text are text'),
  noBos: () => how('--no-bos', 'put no BOS or EOS around the text, whatever the file asks for'),
  times: () => what('--times <count>', 'how often it is run').default(DEFAULTS.times).argParser(parsePositive),
  candidate: () =>
    what('--candidate <side>', 'what is compared with llama.cpp: the WebGPU engine, or llama.cpp itself').choices([
      ...CANDIDATES,
    ]),
  llamaLib: () =>
    what('--llama-lib <directory>', 'the libraries of a build of llama.cpp of yours, which is then the candidate'),
  device: () =>
    what('--device <name>', "the device that the candidate's llama.cpp runs on, by ggml's name, such as Vulkan0"),
  /** Of a run that is read. */
  runTokens: () =>
    what('--tokens <ids>', 'the token ids that were run, of a file that does not say them, such as 1,15043'),
  map: () => what('--map <file>', 'a JSON file that says which stages the arrays are whose names nobody knows'),
  suggestMap: () =>
    what(
      '--suggest-map',
      'print a mapping file for arrays whose names nobody knows, by their numbers, and compare nothing',
    ),
  chat: () => what('--chat', "put the prompt through the model's chat template"),
  steps: () =>
    what('-n, --steps <count>', 'greedy tokens to decode after the prompt')
      .default(DEFAULTS.steps)
      .argParser(parseCount),
  reference: () =>
    how(
      '--reference <mode>',
      'llama.cpp on the file as it is (native), on its weights as F32 (exact), or exact where that fits in memory',
    )
      .choices(['auto', ...MODES])
      .default(DEFAULTS.reference),
  exactBy: () =>
    how(
      '--exact-by <way>',
      'how the weights as F32 are evaluated: the whole model at once, or in the memory of one block; auto: as is best for the model',
    )
      .choices(['auto', ...WAYS])
      .default(DEFAULTS.exactBy),
  adapter: () =>
    how('--adapter <kind>', 'the WebGPU adapter; auto: the fastest that works')
      .choices(['auto', ...ADAPTERS])
      .default(DEFAULTS.adapter),
  stream: () =>
    how(
      '--stream',
      "upload the engine's weights layer by layer, in the memory of one (default: if the adapter does not hold all)",
    ),
  stages: () => part('--stages <names>', 'only these stages, such as q_rope,kq'),
  layers: () => part('--layers <list>', 'only these layers, such as 0,2-4'),
  judgedStages: () => part('--stages <patterns>', 'judge only these stages, such as q_rope,ffn_*'),
  judgedLayers: () => part('--layers <list>', 'judge only these layers, such as 0,2-4'),
  quantize: () => what('--quantize <type>', 'make this quantisation first, with llama.cpp, such as Q4_K or Q4_K_M'),
  imatrix: () =>
    what(
      '--imatrix <file>',
      'which columns are important to --quantize: a file of llama-imatrix, GGUF or .dat, or a text (.txt) to measure it on',
    ),
  engineTimeout: () =>
    how('--engine-timeout <seconds>', 'how long the program of --engine may take (default: 600)').argParser(
      parsePositive,
    ),
  ubatch: () =>
    how('--ubatch <count>', 'at most so many prompt tokens at once (default: what the adapter can take)').argParser(
      parsePositive,
    ),
  strict: () => limits('--strict', 'a stage, step or row that only one side has is no agreement'),
  noFloors: () => limits('--no-floors', "do not measure llama.cpp's distance from itself; constants are the limits"),
  margin: () =>
    limits('--margin <factor>', 'how many times its floor a delta may be (default: 10, or 3 for native)').argParser(
      parseFactor,
    ),
  minimum: () =>
    limits(
      '--minimum <delta>',
      'what a relative RMS delta may always be (default: 1e-5, or 1e-3 for native)',
    ).argParser(parseFactor),
  precision: () =>
    limits('--precision <format>', 'what the candidate computes in; auto: told from the bits of its values')
      .choices(['auto', ...PRECISIONS])
      .default('auto'),
  blame: () =>
    how(
      '--blame',
      "run the engine again with every stage from llama.cpp's inputs, or llama.cpp from those of the program (default: if it diverged)",
    ),
  blameRecorded: () =>
    how(
      '--blame',
      "run llama.cpp on the model from the candidate's own rows (default: if they diverged and --model is given)",
    ),
  noBlame: () => how('--no-blame', 'only the free run'),
  /** What --blame was called. */
  teacherForced: () => how('--teacher-forced', 'the same as --blame').hideHelp(),
  noTeacherForced: () => how('--no-teacher-forced', 'the same as --no-blame').hideHelp(),
  inject: () =>
    what('--inject <bugs>', 'put known bugs into the run, such as rope-halves or rms-eps@2 (probe bugs lists them)'),
  json: () => output(OUTPUTS.json.flag, OUTPUTS.json.what),
  digest: () =>
    output('--digest', 'write a hash of each row in place of its values, which probe repeat holds to others'),
  keepDigests: () =>
    output('-o, --out <directory>', 'keep a hash of each row of each run, a file a run (see capture --digest)'),
  reporter: () => output('--reporter <file>', 'write the report with a module of yours, such as ./mine.ts'),
  watch: () => view('--watch', 'run again whenever what was compared changes, and say what got better or worse'),
  noTui: () => view('--no-tui', 'print text, even on a terminal'),
};

/** How limits follow from floors. */
export const JUDGING = [OPTIONS.noFloors, OPTIONS.margin, OPTIONS.minimum];

/** What is run, and how. */
export const RUN = [
  OPTIONS.model,
  OPTIONS.prompt,
  OPTIONS.promptFile,
  OPTIONS.tokens,
  OPTIONS.chat,
  OPTIONS.steps,
  OPTIONS.quantize,
  OPTIONS.imatrix,
  OPTIONS.stages,
  OPTIONS.layers,
  OPTIONS.reference,
  OPTIONS.exactBy,
  OPTIONS.adapter,
  OPTIONS.stream,
  OPTIONS.ubatch,
  ...JUDGING,
];

const { json: _, ...others } = OUTPUTS;

/** What is written of a report; a file named - is standard output. */
export const REPORTS = [
  OPTIONS.json,
  ...Object.values(others).map(
    ({ flag, what }) =>
      () =>
        output(flag, what),
  ),
  OPTIONS.reporter,
];

/** How a comparison is shown. */
export const SHOWN = [...REPORTS, OPTIONS.watch, OPTIONS.noTui];

export function parseFactor(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError('Wanted a number, 0 or more, such as 1e-5.');
  }
  return value;
}

export function parsePositive(text: string): number {
  if (!/^0*[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('Wanted a whole number, 1 or more.');
  return Number(text);
}

export function parseCount(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('Wanted a whole number, 0 or more.');
  return Number(text);
}
