import { TABLE_PX, tableWidth } from '../state/preferences';

const KEY_STEP_PX = 20;

function set(px: number): void {
  tableWidth.value = Math.round(Math.min(Math.max(px, TABLE_PX.least), TABLE_PX.most));
}

/** The line between table and chart; dragged, or moved with the arrow keys. */
export function Splitter() {
  return (
    <div
      class="splitter"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the table"
      aria-valuemin={TABLE_PX.least}
      aria-valuemax={TABLE_PX.most}
      aria-valuenow={tableWidth.value}
      tabIndex={0}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        const line = event.currentTarget;
        if (!line.hasPointerCapture(event.pointerId)) return;
        set(event.clientX - line.parentElement!.getBoundingClientRect().left);
      }}
      onKeyDown={(event) => {
        const step = event.key === 'ArrowLeft' ? -KEY_STEP_PX : event.key === 'ArrowRight' ? KEY_STEP_PX : 0;
        if (step === 0 || event.shiftKey) return;
        event.preventDefault();
        set(tableWidth.value + step);
      }}
    />
  );
}
