import type { CaptureOptions } from '@llama-probe/comparison';
import { documentOf, encode } from '@llama-probe/comparison/ask';
import { Command, Option } from 'commander';
import type { Context } from './context.js';
import { examples } from './help.js';
import { HEADINGS, OPTIONS, RUN } from './options.js';

export function captureCommand(context: Context): Command {
  const command = new Command('capture')
    .description('run one side and write its stages into a dump')
    .addOption(OPTIONS.from().makeOptionMandatory())
    .addHelpText(
      'after',
      examples({
        'probe capture --from llama -m model.gguf --tokens 1,15043 --steps 0 -o a.arrow':
          "llama.cpp's stages, to hold your engine's to",
        'probe capture --from llama --model model.gguf --stages all --out all.arrow':
          "every node of llama.cpp's graph, of any architecture",
        'probe capture --from llama -m model.gguf --steps 0 -o a.safetensors': 'for NumPy or PyTorch; .npz too',
        'probe capture --from llama --inject rope-halves -o sick.arrow': 'a run with a known bug in it',
        'probe capture --from webgpu --digest -o here.arrow': 'hashes only, for probe repeat here.arrow there.arrow',
      }),
    );
  for (const option of RUN) command.addOption(option());
  command
    .addOption(
      new Option('-o, --out <file>', 'the dump to write; .safetensors or .npz: its arrays')
        .helpGroup(HEADINGS.output)
        .makeOptionMandatory(),
    )
    .addOption(OPTIONS.inject())
    .addOption(OPTIONS.digest())
    .addOption(OPTIONS.json());
  return command.action(async (options: CaptureOptions) => {
    const { runCapture } = await import('@llama-probe/comparison');
    const captured = await runCapture(options, context.progress, context.signal);
    const { file, tensors, bytes } = captured;
    context.print(
      options.json ? encode(documentOf('capture', captured)) : `${file}: ${tensors} tensors, ${bytes} bytes`,
    );
  });
}
