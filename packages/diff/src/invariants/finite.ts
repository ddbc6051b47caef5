import type { Tensor } from '@llama-probe/dump';
import { type Place, placeKey, stageKey } from '@llama-probe/dump/stage';
import { type AboutModel, graphOf } from '../graph.js';
import { describe } from '../words.js';
import type { Broken } from './broken.js';
import type { At } from './findings.js';

/** One value that is no number. */
interface Spot {
  readonly at: At;
  readonly token: number;
  readonly index: number;
  readonly found: number;
  /** What the run had brought so far of the same step, and of earlier ones. */
  readonly seen: ReadonlySet<string>;
  readonly earlier: ReadonlySet<string>;
}

/**
 * Where NaN or Inf comes up first, in evaluation order. Whatever is computed from it has it too, so there is one finding in a run.
 */
export class FirstNonFinite {
  checked = 0;
  private readonly stages = new Map<string, Spot>(); // the first one of each stage that has any
  private step = -1;
  private seen = new Set<string>();
  private earlier = new Set<string>();
  private layers = 0;

  /**
   * @param about the model, as far as it is known
   * @param onlyFuture whether a mask hides nothing but what comes after a token
   */
  constructor(
    private readonly about: AboutModel,
    private readonly onlyFuture: boolean,
  ) {}

  add(tensor: Tensor): void {
    const { step, order, layer, stage, positions, width } = tensor;
    if (step !== this.step) {
      this.earlier = new Set([...this.earlier, ...this.seen]);
      this.seen = new Set();
      this.step = step;
    }
    this.seen.add(placeKey(tensor));
    this.layers = Math.max(this.layers, (layer ?? -1) + 1);
    this.checked += positions.length;
    const found = this.firstOf(tensor);
    if (found === undefined) return;
    const key = stageKey(tensor);
    const known = this.stages.get(key);
    if (known && known.at.order <= order) return;
    const row = Math.floor(found / width);
    this.stages.set(key, {
      at: { step, order, layer, stage },
      token: positions[row] as number,
      index: found % width,
      found: tensor.values[found] as number,
      seen: this.seen,
      earlier: this.earlier,
    });
  }

  result(): Broken[] {
    const spots = [...this.stages.values()].sort((a, b) => a.at.step - b.at.step || a.at.order - b.at.order);
    const [first, ...later] = spots;
    if (!first) return [];
    const { at, token, index, found } = first;
    const rest =
      later.length === 0 ? '' : `; ${later.length} stage${later.length === 1 ? ' has' : 's have'} some after it`;
    const text = `the first ${show(found)} is in ${describe(at)}, token ${token}, index ${index}${this.inputs(first)}${rest}.`;
    return [{ check: 'finite', ...at, token, found, wanted: 0, text }];
  }

  private firstOf({ stage, positions, width, values }: Tensor): number | undefined {
    const from = (start: number) => {
      for (let i = start; i < values.length; i++) {
        const value = values[i] as number;
        if (value - value !== 0) return i;
      }
      return -1;
    };
    let i = from(0);
    if (stage !== 'kq') return i < 0 ? undefined : i;
    const { heads } = this.about;
    const nKv = heads !== undefined && this.onlyFuture && width % heads === 0 ? width / heads : undefined;
    const hidden = (i: number) => {
      if (nKv !== undefined) return (i % width) % nKv > (positions[Math.floor(i / width)] as number);
      return values[i] !== Number.POSITIVE_INFINITY; // any NaN or -Infinity may be the mask's
    };
    while (i >= 0 && hidden(i)) i = from(i + 1);
    return i < 0 ? undefined : i;
  }

  /** Whether what it was computed from is clean. */
  private inputs({ at, seen, earlier }: Spot): string {
    const graph = graphOf(this.about, [{ layer: this.layers - 1 }]);
    const inputs = graph.inputsOf(at);
    const broken = (place: Place) => this.stages.has(stageKey({ step: at.step, ...place }));
    const names = (places: readonly Place[]) => places.map((place) => inWords(place, at)).join(', ');
    const finite = inputs.filter((place) => seen.has(placeKey(place)) && !broken(place));
    const sick = inputs.filter(broken);
    const missing = inputs.filter((place) => !seen.has(placeKey(place)));
    const cached = at.step > 0 ? graph.cachedInputOf(at) : undefined;
    const parts = [
      finite.length > 0 && `its input${s(finite)} (${names(finite)}) ${are(finite)} finite`,
      sick.length > 0 && `its input${s(sick)} ${names(sick)} ${are(sick)} not finite`,
      missing.length > 0 &&
        `its input${s(missing)} ${names(missing)} ${missing.length === 1 ? 'was' : 'were'} not captured`,
      cached && `${cached.stage} of earlier steps ${earlier.has(placeKey(cached)) ? 'is finite' : 'was not captured'}`,
    ].filter((part) => typeof part === 'string');
    return parts.length === 0 ? '' : `; ${parts.join(', ')}`;
  }
}

const inWords = ({ layer, stage }: Place, at: At): string =>
  layer === null || layer === at.layer ? stage : `${stage} of layer ${layer}`;
const s = (places: readonly Place[]): string => (places.length === 1 ? '' : 's');
const are = (places: readonly Place[]): string => (places.length === 1 ? 'is' : 'are');
const show = (value: number): string => (Number.isNaN(value) ? 'NaN' : value > 0 ? 'Inf' : '-Inf');
