/** What of its style an element needs to look the same without a style sheet. */
const DRAWN = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-opacity',
  'stroke-dasharray',
  'stroke-linecap',
  'opacity',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
] as const;

const SVG = 'http://www.w3.org/2000/svg';
const MARGIN = 12; // px
/** Pixels of the picture for each of the page: letters stay sharp where it is shown larger. */
const SCALE = 2;

interface Picture {
  readonly svg: string;
  /** px, as on the page */
  readonly width: number;
  readonly height: number;
}

/** A figure's title, its plot and what the lines are, as an SVG that needs nothing else. The colours are those that are shown. */
export function pictureOf(figure: Element): Picture {
  const { left, top } = figure.getBoundingClientRect();
  const svg = document.createElementNS(SVG, 'svg');
  const ground = svg.appendChild(document.createElementNS(SVG, 'rect'));
  let [width, height] = [0, 0];
  for (const part of figure.querySelectorAll('figcaption .name, .drawing > svg, .key li')) {
    const box = part.getBoundingClientRect();
    const x = box.left - left + MARGIN;
    const y = box.top - top + MARGIN;
    width = Math.max(width, x + box.width + MARGIN);
    height = Math.max(height, y + box.height + MARGIN);
    const drawing = part instanceof SVGSVGElement ? part : part.querySelector('svg');
    if (drawing) svg.append(drawingAt(drawing, x, part === drawing ? y : y + (box.height - 8) / 2));
    if (part !== drawing) svg.append(textAt(part, drawing ? x + 27 : x, y + box.height / 2));
  }
  for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, xmlns: SVG }))
    svg.setAttribute(name, String(value));
  for (const [name, value] of Object.entries({ width: '100%', height: '100%', fill: groundOf(figure) }))
    ground.setAttribute(name, value);
  return { svg: new XMLSerializer().serializeToString(svg), width, height };
}

function drawingAt(drawing: SVGSVGElement, x: number, y: number): Element {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const copies = [copy, ...copy.querySelectorAll('*')];
  [drawing, ...drawing.querySelectorAll('*')].forEach((part, i) => {
    const style = getComputedStyle(part);
    const own = DRAWN.map((name) => `${name}:${style.getPropertyValue(name)}`).join(';');
    copies[i]?.setAttribute('style', own);
    copies[i]?.removeAttribute('class');
  });
  for (const rules of copy.querySelectorAll('style')) rules.remove();
  copy.setAttribute('x', String(x));
  copy.setAttribute('y', String(y));
  copy.setAttribute('overflow', 'visible');
  return copy;
}

function textAt(part: Element, x: number, y: number): Element {
  const text = document.createElementNS(SVG, 'text');
  const { color, fontFamily, fontSize, fontWeight } = getComputedStyle(part);
  text.textContent = part.textContent;
  const attributes = { x, y, fill: color, 'dominant-baseline': 'central' };
  for (const [name, value] of Object.entries(attributes)) text.setAttribute(name, String(value));
  text.setAttribute('style', `font-family:${fontFamily};font-size:${fontSize};font-weight:${fontWeight}`);
  return text;
}

const groundOf = (figure: Element): string =>
  getComputedStyle(figure.closest('.card') ?? document.body).backgroundColor;

/** @throws where the browser does not draw it */
async function pngOf({ svg, width, height }: Picture): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = Math.ceil(width * SCALE);
  canvas.height = Math.ceil(height * SCALE);
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The browser made no picture.'))), 'image/png');
  });
}

/** Puts a figure's picture on the clipboard, or into a file where the browser keeps the clipboard to itself. */
export async function copyPicture(figure: Element, name: string): Promise<'copied' | 'saved'> {
  const picture = pictureOf(figure);
  const png = pngOf(picture);
  try {
    // Safari takes a promise only, and only at once.
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })]);
    return 'copied';
  } catch {
    const file = await png.catch(() => new Blob([picture.svg], { type: 'image/svg+xml' }));
    save(file, `${name}.${file.type === 'image/png' ? 'png' : 'svg'}`);
    return 'saved';
  }
}

function save(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name.replaceAll(/[^\p{L}\p{N}._-]+/gu, '-');
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
