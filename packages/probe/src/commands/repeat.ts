import { howItChanges, type Repeated, type RepeatOptions, runRepeat } from '@llama-probe/comparison';
import { color, tameAll } from '@llama-probe/report';

export { type Repeated, type RepeatOptions, runRepeat };

const SHOWN = 12;
const SIGNS = { agree: color.green('✓'), diverged: color.red('✗'), incomparable: color.yellow('?') } as const;

/** The same as text. */
export function repeatText(raw: Repeated): string {
  const { candidate, runs, tokens, stages, changing, otherTokens, verdict, reason } = tameAll(raw);
  const { name, version, adapter } = candidate;
  const who = [name, version, adapter].filter(Boolean).join(', ');
  const lines = changing.slice(0, SHOWN).map((one) => {
    const place = `step ${one.step}${one.layer === null ? '' : `  layer ${one.layer}`}`;
    return `  ${place.padEnd(18)} ${one.stage.padEnd(14)} ${howItChanges(one)}`;
  });
  const more = changing.length > SHOWN ? [`  and ${changing.length - SHOWN} more`] : [];
  const chosen = otherTokens
    .slice(0, SHOWN)
    .map(({ run, position, token, first }) => `  run ${run}: token ${token} at position ${position}, not ${first}`);
  return [
    `${who}: ${runs} runs of ${tokens.length} ${tokens.length === 1 ? 'token' : 'tokens'}, ${stages} stages each`,
    ...(lines.length > 0 ? ['', 'not the same in every run:', ...lines, ...more] : []),
    ...(chosen.length > 0 ? ['', 'decoded otherwise than by the first run:', ...chosen] : []),
    '',
    `${SIGNS[verdict]} ${verdict}: ${reason}`,
  ].join('\n');
}
