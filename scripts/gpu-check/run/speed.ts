import { measurePeaks, type Peaks } from '../../bench/machine.js';
import { bytesOfModel, SHAPES } from '../../random-model/write.js';
import { dispatchCost } from './dispatch.js';
import { measurePasses, type Passes, TRIALS, unfit } from './passes.js';
import { counted, type Found, type Given, type Section } from './section.js';
import { giga, percent, time } from './units.js';

/** What a dispatch costs, what the adapter can read and add up at most, and what of that a model of a real size reaches. */
export const speed: Section = {
  name: 'speed',
  does: 'the cost of a dispatch; decode and prefill of a random model, as shares of what this adapter reads and adds up at most',
  seconds: 285,
  isCompiledFast: false,
  run: measureSpeed,
};

async function measureSpeed(given: Given): Promise<Found> {
  const { opened, say } = given;
  const { info } = opened.now;
  say('what a dispatch costs');
  const dispatch = await dispatchCost(opened.now);
  say('what the adapter reads and adds up at most');
  const peaks = await peaksOf(opened);
  const known = [
    `a dispatch ${time(dispatch.each)}, a submit and its end ${time(dispatch.submit)}`,
    `reads at most ${giga(readsOf(peaks))}B/s, adds up ${giga(peaks.fma)}FLOP/s`,
  ];
  const numbers = { dispatchSeconds: dispatch.each, submitSeconds: dispatch.submit, ...peaks };
  const tried: string[] = [];
  for (const trial of TRIALS[info.class]) {
    const { model } = trial;
    const bytes = bytesOfModel(model);
    const named = `${model.shape}, ${counted(model.layers ?? SHAPES[model.shape].layers, 'layer')}, ${model.type}, ${giga(bytes)}B`;
    const why = unfit(trial, peaks, given);
    let passes: Passes | undefined;
    const problem =
      why ??
      (await opened.try(async (now) => {
        passes = await measurePasses(now, trial, given);
        return undefined;
      }));
    if (!passes || problem) {
      tried.push(`${named}, a prompt of ${trial.prompt}: ${problem}`);
      continue;
    }
    const shares = sharesOf(passes, peaks);
    const line = [
      ...known,
      `decode ${time(passes.decode)} a token, ${percent(shares.decode)} of that bandwidth`,
      `prefill of ${passes.prompt} tokens ${time(passes.prefill)}, ${percent(shares.prefill)} of those FLOP (${named})`,
    ].join('; ');
    const larger = tried.length > 0 ? '; larger models could not be measured, the JSON file says why' : '';
    const found = { ...numbers, model: named, ...passes, shares, tried };
    return { verdict: 'measured', line: line + larger, wrong: [], numbers: found };
  }
  const line = `${known.join('; ')}; no model could be measured: ${tried.join('; ')}`;
  return { verdict: 'untold', line, wrong: [], numbers: { ...numbers, tried } };
}

/** With less of its memory, where an adapter does not give so much. */
async function peaksOf(opened: Given['opened']): Promise<Peaks> {
  for (const most of [1 << 30, 1 << 27]) {
    let peaks: Peaks | undefined;
    const problem = await opened.try(async (now) => {
      peaks = await measurePeaks(now, most);
      return undefined;
    });
    if (peaks && !problem) return peaks;
  }
  const peaks = await measurePeaks(opened.now, 1 << 24);
  opened.now.check();
  return peaks;
}

const readsOf = ({ read, readOfTexture = 0 }: Peaks): number => Math.max(read, readOfTexture);

const sharesOf = ({ decode, prefill, readBytes, prefillFlop }: Passes, peaks: Peaks) => ({
  decode: readBytes / decode / readsOf(peaks),
  prefill: prefillFlop / prefill / peaks.fma,
});
