// @ts-check
/** Dots that move while messages flow: in few steps, since an animation wakes the page for each frame of the screen, whatever its own steps. */

const STEP_MS = 200;
/** After so many steps the dots of every pace are where they began. */
const ROUND = 10;

/**
 * Moves, but for who wants no motion, until `end`.
 * @param {HTMLElement} element whose `.flow` get `--step`, from 0 to 9
 */
export function motion(element) {
  const unwanted = matchMedia("(prefers-reduced-motion: reduce)");
  let step = 0;
  let held = false;
  const timer = setInterval(() => {
    if (held || unwanted.matches || document.hidden) return;
    step = (step + 1) % ROUND;
    // Of the dots alone: an element around them would give it to all that is in it.
    for (const dots of /** @type {NodeListOf<SVGElement>} */ (element.querySelectorAll(".flow"))) dots.style.setProperty("--step", String(step));
  }, STEP_MS);
  return {
    /** @param {boolean} still */
    hold: (still) => void (held = still),
    end: () => clearInterval(timer),
  };
}
