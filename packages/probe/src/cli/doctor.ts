import { documentOf, encode } from '@llama-probe/comparison/ask';
import { Command, Option } from 'commander';
import type { DoctorOptions } from '../commands/doctor.js';
import { COULD_NOT_TELL, EXIT } from '../exit.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { OPTIONS } from './options.js';

export function doctorCommand(context: Context): Command {
  return new Command('doctor')
    .description('show what this machine has: adapters, llama.cpp, memory, and what is missing')
    .addOption(new Option('--prove', 'try out on the bundled model that the verdict can be believed'))
    .addOption(new Option('--cache', 'list the models that were made, and how much room they take'))
    .addOption(
      new Option('--clear-cache', 'remove them, and everything else that is kept between runs').conflicts('cache'),
    )
    .addOption(OPTIONS.json())
    .addHelpText(
      'after',
      examples({
        'probe doctor': 'adapters, llama.cpp, and what to install for a faster one',
        'probe doctor --prove': 'is a verdict of this machine to be believed?',
        'probe doctor --cache': 'which made models are kept, the least recently used last',
      }),
    )
    .action(async (options: DoctorOptions & { json?: boolean }) => {
      const { doctorText, runDoctor } = await import('../commands/doctor.js');
      const doctor = await runDoctor(options, context.progress, context.signal);
      context.print(options.json ? encode(documentOf('doctor', doctor)) : doctorText(doctor));
      const sound = doctor.llama.ok && doctor.chosen !== null && (doctor.proofs ?? []).every(({ ok }) => ok);
      context.code = sound ? EXIT.agree : COULD_NOT_TELL;
    });
}
