// @ts-check
/** Drawing at a bounded rate: many changes make one drawing, and what nobody sees is not drawn. */

/** Milliseconds between two drawings of the same thing. */
const PAUSE_MS = 250;

/**
 * @param {Element} element what `draw` changes; while it cannot be seen nothing is drawn
 * @param {() => void} draw
 * @returns {() => void} to call after a change
 */
export function redraw(element, draw) {
  let wanted = false;
  let scheduled = false;
  let last = -Infinity;
  let seen = true;

  const run = () => {
    scheduled = false;
    if (!wanted || !seen) return;
    wanted = false;
    last = performance.now();
    draw();
  };
  const schedule = () => {
    if (scheduled || !wanted || !seen) return;
    scheduled = true;
    const wait = last + PAUSE_MS - performance.now();
    // A hidden tab gets no animation frames, so nothing is drawn there until it is shown again.
    if (wait <= 0) requestAnimationFrame(run);
    else setTimeout(() => requestAnimationFrame(run), wait);
  };
  const observer = new IntersectionObserver((entries) => {
    seen = entries.at(-1)?.isIntersecting ?? true;
    if (!element.isConnected) observer.disconnect(); // as the dialog's, when it is closed
    schedule();
  }, { rootMargin: "200px" });
  observer.observe(element);
  return () => {
    wanted = true;
    schedule();
  };
}
