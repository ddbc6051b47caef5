/** A sentence whose numbers stay in one piece: browsers break 1.2e-6 after its minus. */
export function Prose({ text }: { text: string }) {
  const parts = text.split(/(\d[\d.]*e-\d+)/);
  return (
    <>
      {parts.map((part, i) =>
        i % 2 === 0 ? (
          part
        ) : (
          <span key={i} class="nowrap">
            {part}
          </span>
        ),
      )}
    </>
  );
}
