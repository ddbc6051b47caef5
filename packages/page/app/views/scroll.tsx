import type { ComponentChildren } from 'preact';

interface ScrollProps {
  readonly label: string;
  /** Not higher than a part of the screen. */
  readonly isTall?: boolean;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** What may be larger than its place: it scrolls by itself, also with keys. */
export function Scroll({ label, isTall = false, class: name = '', children }: ScrollProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: it is no set of fields
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without it the keyboard cannot scroll
    <div role="group" class={`scroll ${isTall ? 'tall' : ''} ${name}`} aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
