import type { Finding } from '@llama-probe/comparison/ask';
import { OUTPUTS, type OutputOptions, takesStdout } from '@llama-probe/report/outputs';
import { writeOutputs } from '@llama-probe/report/write-outputs';
import type { Context } from './context.js';

/** How a comparison is shown. */
export interface ViewOptions extends OutputOptions {
  /** false: text, even on a terminal. */
  tui?: boolean;
  /** Run again whenever what was compared changes. */
  watch?: boolean;
}

/** Writes the outputs that were asked for, and the report as text where none of them takes standard output. */
export async function present(
  findings: readonly [Finding, ...Finding[]],
  options: OutputOptions,
  context: Context,
): Promise<void> {
  if (options.json) context.print((await OUTPUTS.json.load())(findings));
  else if (!takesStdout(options)) {
    const { textReport } = await import('@llama-probe/report');
    context.print(textReport(findings[0].report));
  }
  await writeOutputs(findings, options, context.print);
}
