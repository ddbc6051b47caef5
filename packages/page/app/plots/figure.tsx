import { type PlotOptions, plot } from '@observablehq/plot';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

interface PlotFigureProps {
  readonly title: string;
  /** What there is to see, for readers who cannot see it. */
  readonly label: string;
  /** For a width in pixels. It must stay the same as long as what is drawn does. */
  readonly draw: (width: number) => PlotOptions;
  /** A remark under it, and the numbers. */
  readonly children?: ComponentChildren;
}

/** A plot with its title, a description, and its numbers nearby. Drawn after the page has been painted. */
export function PlotFigure({ title, label, draw, children }: PlotFigureProps) {
  const place = useRef<HTMLDivElement>(null);
  const width = useWidth(place);
  useEffect(() => {
    if (!place.current || width === 0) return;
    const drawn = plot({ marginTop: 12, marginRight: 12, ...draw(width), width });
    // A picture has one name: the names of its parts, "line" and "dot", tell a reader nothing.
    for (const part of drawn.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label');
    drawn.setAttribute('role', 'img');
    drawn.setAttribute('aria-label', label);
    place.current.replaceChildren(drawn);
  }, [draw, label, width]);
  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <div class="drawing" ref={place} />
      {children}
    </figure>
  );
}

function useWidth(place: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(element);
    return () => observer.disconnect();
  }, [place]);
  return width;
}
