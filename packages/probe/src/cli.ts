import { Argument, Command, CommanderError, Option } from 'commander';
import { runCapture } from './commands/capture.js';
import { checkText, runCheck } from './commands/check.js';
import { runCompare } from './commands/compare.js';
import { runDiff } from './commands/diff.js';
import { doctorText, runDoctor } from './commands/doctor.js';
import { faultsListText, isProven, runFaults, wasSeen } from './commands/faults.js';
import { inspectText, runInspect } from './commands/inspect.js';
import { COULD_NOT_TELL, EXIT, interruptible } from './exit.js';
import { VERSION } from './metadata.js';
import { OPTIONS } from './options.js';
import { Progress } from './progress.js';
import type { Report } from './report/report.js';
import { textReport } from './report/text.js';

const JUDGING = [OPTIONS.noFloors, OPTIONS.margin, OPTIONS.minimum];

const RUN = [
  OPTIONS.model,
  OPTIONS.prompt,
  OPTIONS.promptFile,
  OPTIONS.tokens,
  OPTIONS.chat,
  OPTIONS.steps,
  OPTIONS.reference,
  OPTIONS.adapter,
  OPTIONS.stages,
  OPTIONS.layers,
  OPTIONS.quantize,
  OPTIONS.ubatch,
  ...JUDGING,
  OPTIONS.json,
];

/** Runs the command line. Resolves to the exit code; prints nothing on stdout but the result. */
export async function runCli(argv: readonly string[]): Promise<number> {
  const signal = interruptible();
  const progress = new Progress();
  let code: number = EXIT.agree;
  const print = (text: string) => {
    progress.done();
    process.stdout.write(`${text}\n`);
  };
  const printReport = (report: Report, json: boolean | undefined) => {
    print(json ? JSON.stringify(report) : textReport(report));
    code = EXIT[report.verdict];
  };

  const program = new Command('probe')
    .description('Finds the first wrong stage of an LLM inference engine, measured against llama.cpp.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'probe: ')) })
    .showHelpAfterError('Run "probe --help" or "probe help COMMAND" for what there is.')
    .addHelpText(
      'after',
      '\nExit codes: 0 the sides agree, 1 they diverged, 2 it could not be told.\n\nExamples:\n  probe compare --prompt Hello\n  probe compare --model model-Q4_K_M.gguf --prompt "Once upon a time" --json',
    );

  const compare = program
    .command('compare')
    .description('run llama.cpp and the engine on the same tokens, and say where they first differ')
    .addOption(new Option('-o, --out <directory>', 'keep both dumps: reference.arrow and candidate.arrow'))
    .addOption(OPTIONS.inject())
    .addOption(OPTIONS.teacherForced())
    .addOption(OPTIONS.noTeacherForced())
    .action(async (options) => printReport(await runCompare(options, progress, signal), options.json));
  for (const option of RUN) compare.addOption(option());

  const capture = program
    .command('capture')
    .description('run one side and write its stages into a dump')
    .addOption(new Option('--from <side>', 'whose stages').choices(['llama', 'webgpu']).makeOptionMandatory())
    .addOption(new Option('-o, --out <file>', 'the dump to write').makeOptionMandatory())
    .action(async (options) => {
      const captured = await runCapture(options, progress, signal);
      const { file, tensors, bytes } = captured;
      print(options.json ? JSON.stringify(captured) : `${file}: ${tensors} tensors, ${bytes} bytes`);
    });
  for (const option of RUN) capture.addOption(option());

  const diff = program
    .command('diff')
    .description('compare two dumps')
    .addArgument(new Argument('<candidate>', 'the dump in doubt'))
    .addArgument(new Argument('<reference>', 'the dump to believe'))
    .addOption(new Option('-m, --model <file>', 'the GGUF file: with its weights the bug can be named'))
    .action(async (candidate, reference, options) =>
      printReport(await runDiff(candidate, reference, options, progress, signal), options.json),
    );
  for (const option of [...JUDGING, OPTIONS.json]) diff.addOption(option());

  program
    .command('faults')
    .description('list the known bugs; with --run, put each into a healthy run, to be found and named')
    .addOption(new Option('--run', 'put each into the engine, in several layers, free and teacher-forced'))
    .addOption(new Option('--only <ids>', 'only these, such as rope-halves,rms-eps'))
    .addOption(OPTIONS.model())
    .addOption(OPTIONS.quantize())
    .addOption(OPTIONS.adapter())
    .addOption(OPTIONS.json())
    .action(async (options) => {
      const report = await runFaults(options, progress, signal);
      print(options.json ? JSON.stringify(report) : faultsListText(report));
      code = report.trials === null || isProven(report) ? EXIT.agree : wasSeen(report) ? EXIT.diverged : COULD_NOT_TELL;
    });

  program
    .command('check')
    .description('check what must hold of a dump by itself: sums, rotations, residuals, the mask, NaN')
    .addArgument(new Argument('<dump>', 'a dump'))
    .addOption(new Option('-m, --model <file>', 'the GGUF file, for what needs the weights'))
    .addOption(OPTIONS.json())
    .action(async (dump, options) => {
      const report = await runCheck(dump, options, progress, signal);
      print(options.json ? JSON.stringify(report) : checkText(report));
      if (report.broken.length > 0) code = EXIT.diverged;
      else if (report.known === 0) code = COULD_NOT_TELL;
    });

  program
    .command('inspect')
    .description('show what a dump holds')
    .addArgument(new Argument('<dump>', 'a dump'))
    .addOption(new Option('--stage <name>', 'only this stage'))
    .addOption(new Option('--layer <number>', 'only this layer'))
    .addOption(new Option('--step <number>', 'only this step; 0 is the prompt'))
    .addOption(new Option('--values <count>', 'show the first values of each row'))
    .addOption(OPTIONS.json())
    .action(async (dump, options) => {
      const inspected = await runInspect(dump, options, signal);
      print(options.json ? JSON.stringify(inspected) : inspectText(inspected));
    });

  program
    .command('doctor')
    .description('show what this machine has: adapters, llama.cpp, memory, and what is missing')
    .addOption(new Option('--prove', 'try out on the bundled model that the verdict can be believed'))
    .addOption(OPTIONS.json())
    .action(async (options) => {
      const doctor = await runDoctor(options, progress, signal);
      print(options.json ? JSON.stringify(doctor) : doctorText(doctor));
      const sound = doctor.llama.ok && doctor.chosen !== null && (doctor.proofs ?? []).every(({ ok }) => ok);
      code = sound ? EXIT.agree : COULD_NOT_TELL;
    });

  try {
    await program.parseAsync(argv as string[], { from: 'user' });
    return code;
  } catch (error) {
    progress.done();
    const json = argv.includes('--json');
    if (error instanceof CommanderError) {
      // It has printed its message, or what --help and --version ask for.
      if (error.exitCode === 0) return EXIT.agree;
      if (json) printError(error.message.replace(/^error: /, ''), 'usage');
      return COULD_NOT_TELL;
    }
    return fail(error, json);
  }
}

/** Every error of ours ends here: one message on stderr, exit 2, and with --json an object that says the same. */
function fail(error: unknown, json: boolean): number {
  const { code, message, stack } = error as { code?: unknown; message?: string; stack?: string };
  const reason = message ?? String(error);
  process.stderr.write(`probe: ${reason}\n`);
  // Ours carry a stable code. Anything else is a bug of this tool, and its trace is for whoever mends it.
  if (typeof code !== 'string') {
    process.stderr.write('This is a bug in llama-probe. LLAMA_PROBE_TRACE=1 shows where it happened.\n');
  }
  if (process.env.LLAMA_PROBE_TRACE) process.stderr.write(`${stack}\n`);
  if (json) printError(reason, typeof code === 'string' ? code : 'internal');
  return COULD_NOT_TELL;
}

function printError(reason: string, code: string): void {
  const nothing = {
    model: null,
    tokens: [],
    reference: null,
    candidate: null,
    first: null,
    stages: [],
    logits: null,
    timings: {},
  };
  process.stdout.write(
    `${JSON.stringify({ schema: 1, verdict: 'incomparable', reason, error: { code }, ...nothing })}\n`,
  );
}
