import { type PlotOptions, plot } from '@observablehq/plot';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { copyPicture } from './picture.js';

interface PlotFigureProps {
  readonly title: string;
  /** What there is to see, for readers who cannot see it. */
  readonly label: string;
  /** For a width in pixels. It must stay the same as long as what is drawn does. */
  readonly draw: (width: number) => PlotOptions;
  /** A remark under it, and the numbers. */
  readonly children?: ComponentChildren;
}

/**
 * A plot with its title, a description, and its numbers nearby. What the window shows is drawn with the page, and all of it before it is
 * printed: who takes a single picture waits for nothing. The rest is drawn after the page has been painted.
 */
export function PlotFigure({ title, label, draw, children }: PlotFigureProps) {
  const place = useRef<HTMLDivElement>(null);
  const { width, isSeen } = usePlace(place);
  const paint = useMemo(() => {
    let isDrawn = false;
    return () => {
      if (isDrawn || !place.current || width === 0) return;
      isDrawn = true;
      const drawn = plot({ marginTop: 12, marginRight: 12, ...draw(width), width });
      // A picture has one name: the names of its parts, "line" and "dot", tell a reader nothing.
      for (const part of drawn.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label');
      drawn.setAttribute('role', 'img');
      drawn.setAttribute('aria-label', label);
      place.current.replaceChildren(drawn);
    };
  }, [draw, label, width]);
  useLayoutEffect(() => {
    if (isSeen) paint();
    addEventListener('beforeprint', paint);
    return () => removeEventListener('beforeprint', paint);
  }, [paint, isSeen]);
  useEffect(paint, [paint]);
  return (
    <figure class="plot" style={{ '--drawn': `${width}px` }}>
      <figcaption>
        <span class="name">{title}</span>
        <CopyPicture title={title} />
      </figcaption>
      <div class="drawing" ref={place} />
      {children}
    </figure>
  );
}

const DONE = { copied: 'Copied', saved: 'Saved as a file', failed: 'It could not be copied' } as const;
const TOLD_FOR = 2500; // ms

/** For a message, an issue or a slide. */
function CopyPicture({ title }: { title: string }) {
  const button = useRef<HTMLButtonElement>(null);
  const [done, setDone] = useState<keyof typeof DONE>();
  useEffect(() => {
    const timer = done && setTimeout(() => setDone(undefined), TOLD_FOR);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    const figure = button.current?.closest('figure');
    if (figure) setDone(await copyPicture(figure, title).catch(() => 'failed' as const));
  };
  return (
    <span class="copy screen">
      <span role="status">{done && DONE[done]}</span>
      <button type="button" ref={button} onClick={copy} aria-label={`Copy the picture: ${title}`}>
        Copy
      </button>
    </span>
  );
}

/** How wide a place is, from the beginning on, and whether the window showed it then. */
function usePlace(place: { readonly current: HTMLElement | null }) {
  const [found, setFound] = useState({ width: 0, isSeen: false });
  useLayoutEffect(() => {
    const { top = 0, width = 0 } = place.current?.getBoundingClientRect() ?? {};
    setFound({ width: Math.floor(width), isSeen: top < innerHeight });
  }, [place]);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      setFound((now) => (now.width === width ? now : { ...now, width }));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [place]);
  return found;
}
