import type { ComponentChildren } from 'preact';
import { Scroll } from './scroll.js';

interface TableProps {
  /** What it is, for readers who cannot see where it stands. */
  readonly label: string;
  /** A name with # before it heads numbers. @example ['layer', '#delta'] */
  readonly columns: readonly string[];
  /** Its rows. */
  readonly children: ComponentChildren;
}

/** A long table, in a box of its own that scrolls. */
export function Table({ label, columns, children }: TableProps) {
  return (
    <Scroll label={label} isTall>
      <table>
        <thead>
          <tr>
            {columns.map((name) =>
              name.startsWith('#') ? (
                <th key={name} scope="col" class="number">
                  {name.slice(1)}
                </th>
              ) : (
                <th key={name} scope="col">
                  {name}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Scroll>
  );
}

/** What a plot shows, as numbers. */
export function Numbers(props: TableProps) {
  return (
    <details class="numbers">
      <summary>Numbers</summary>
      <Table {...props} />
    </details>
  );
}
