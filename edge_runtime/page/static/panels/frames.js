// @ts-check
/** The panel of the latest frames, each with what the model said of it. */

import { FrameBoard, frameName, latencyMs, madeAt, truthOf } from "./frame-board.js";
import { clock } from "./figures.js";
import { pauseButton } from "./parts.js";
import { picture, pictureUrl } from "./picture.js";
import { modelLine, outcomeText, scoreBars, timingsLine } from "./prediction-view.js";
import { remember } from "./recall.js";

/** @typedef {import("./frame-board.js").Frame} Frame */
/** @typedef {import("./frame-board.js").Which} Which */
/** @typedef {import("../panel.js").Context} Context */

/** @type {Record<Which, string>} */
const CHOICES = { all: "All", wrong: "Wrong", abstained: "Abstained", errors: "Errors" };
const BARS = 3;
/** Cards that are shown at first, and added at a wish. */
const CARDS = 30;
/** Between two changes of what is shown: pictures that come one by one move away faster than they can be looked at. */
const PACE_MS = 700;
/** After the pointer last moved over the cards: what somebody aims at must not move away. */
const STILL_MS = 2500;

/** @type {import("../panel.js").Panel} */
export const panel = {
  id: "frames",
  title: "Frames",
  mount(element, context) {
    const { dom, state } = context;
    const board = new FrameBoard();
    const pictures = new Pictures();
    let paused = false;
    let passed = 0;
    let most = CARDS;
    /** @type {Which} */
    let which = "all";
    const filter = choices(dom, (chosen) => {
      [which, most] = [chosen, CARDS];
      aim.end();
      draw();
    });
    const held = dom.h("span", { class: "held" });
    const empty = dom.h("p", { class: "hint" });
    const grid = dom.h("div", { class: "grid" });
    const aim = stillness(grid, () => draw());
    const pause = pauseButton(dom, "frames", (now) => {
      [paused, passed] = [now, 0];
      draw();
    });
    const hint = dom.h("p", { class: "hint" }, "A sample of the frames; wrong ones, abstentions and errors stay longer. Choose one to see all about it.");
    const more = dom.h("button", { type: "button", class: "more", hidden: true });
    more.addEventListener("click", () => {
      most += CARDS;
      aim.end();
      draw();
    });
    dom.append(element, hint, dom.h("div", { class: "toolbar" }, filter.element, pause, held), empty, grid, more);

    const draw = context.redraw(() => {
      const frames = board.frames(which);
      filter.count(board.counts());
      dom.write(held, paused && passed > 0 ? `${passed} newer left out` : "");
      empty.hidden = frames.length > 0;
      dom.write(empty, board.size === 0 ? "No frames yet: no message with schema frame/1 was seen." : "None of the frames kept here.");
      if (aim.isTaken() && grid.firstElementChild) {
        fillAll(dom, grid, board);
        return;
      }
      more.hidden = frames.length <= most;
      dom.write(more, `Show more (${frames.length - most})`);
      dom.keep(grid, frames.slice(0, most), (frame) => frame.key, (frame) => cardOf(context, frame, pictures), (card, frame) => {
        fill(dom, card, frame);
      });
    });
    let timer = 0;
    const drawSoon = () => {
      timer ||= setTimeout(() => {
        timer = 0;
        draw();
      }, PACE_MS);
    };
    const ends = [
      () => clearTimeout(timer),
      remember(state, (trace) => keptOf(board.ofTrace(trace))),
      state.on("delivered", (delivered) => board.deliver(delivered)),
      state.on("message", (message) => {
        if (paused && message.app.schema === "frame/1") {
          passed += 1;
        } else {
          const { changed, gone } = board.take(message);
          pictures.forget(gone);
          if (!changed) return;
        }
        drawSoon();
      }),
    ];
    draw();
    return {
      end() {
        for (const end of ends) end();
        pictures.forget(board.clear());
      },
    };
  },
};

/**
 * Whether somebody points at an element, and what to do when that is over.
 * @param {HTMLElement} element
 * @param {() => void} over
 */
function stillness(element, over) {
  let until = -Infinity;
  let timer = 0;
  element.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse") return;
    until = performance.now() + STILL_MS;
    clearTimeout(timer);
    timer = setTimeout(over, STILL_MS + 1);
  });
  return {
    isTaken: () => performance.now() < until,
    end: () => void (until = -Infinity),
  };
}

/** Object URLs by the frames' keys. */
class Pictures {
  /** @type {Map<string, string>} */
  #urls = new Map();

  /** @param {Frame} frame */
  of(frame) {
    const url = this.#urls.get(frame.key) ?? pictureUrl(frame.frame);
    if (url !== null) this.#urls.set(frame.key, url);
    return url;
  }

  /** @param {readonly Frame[]} frames */
  forget(frames) {
    for (const { key } of frames) {
      const url = this.#urls.get(key);
      if (url !== undefined) URL.revokeObjectURL(url);
      this.#urls.delete(key);
    }
  }
}

/** @param {readonly Frame[]} frames of one trace */
function keptOf(frames) {
  return {
    messages: frames.flatMap(({ frame, prediction }) => (prediction === null ? [frame] : [frame, prediction])),
    delivered: frames.flatMap(({ delivered }) => delivered),
  };
}

/**
 * Buttons that say how many frames each of them would show.
 * @param {typeof import("../dom.js")} dom
 * @param {(which: Which) => void} chosen
 */
function choices({ h, set, write }, chosen) {
  const names = /** @type {Which[]} */ (Object.keys(CHOICES));
  const buttons = new Map(names.map((which) => {
    const button = h("button", { type: "button", "aria-pressed": String(which === "all"), dataset: { which } }, CHOICES[which]);
    button.addEventListener("click", () => {
      for (const [name, one] of buttons) set(one, "aria-pressed", String(name === which));
      chosen(which);
    });
    return [which, button];
  }));
  return {
    element: h("div", { class: "choices", role: "group", "aria-label": "Which frames" }, ...buttons.values()),
    /** @param {Record<Which, number>} counts */
    count(counts) {
      for (const [which, button] of buttons) write(button, `${CHOICES[which]} (${counts[which]})`);
    },
  };
}

/**
 * @param {Context} context
 * @param {Frame} frame
 * @param {Pictures} pictures
 */
function cardOf({ dom, openMessage }, frame, pictures) {
  const { h } = dom;
  const truth = truthOf(frame);
  const description = `frame ${frameName(frame)}${truth === null ? "" : `, which shows ${truth}`}`;
  return h(
    "button",
    { type: "button", class: "card", onclick: () => openMessage(frame.trace) },
    picture(dom, pictures.of(frame), description),
    h("span", { class: "said" }),
  );
}

/**
 * The cards that are there, where they are.
 * @param {typeof import("../dom.js")} dom
 * @param {Element} grid
 * @param {FrameBoard} board
 */
function fillAll(dom, grid, board) {
  for (const card of grid.children) {
    const frame = board.get(card.getAttribute("data-key") ?? "");
    if (frame) fill(dom, card, frame);
  }
}

/** @type {WeakMap<Element, Frame["prediction"]>} what a card shows */
const filled = new WeakMap();

/**
 * @param {typeof import("../dom.js")} dom
 * @param {Element} card
 * @param {Frame} frame
 */
function fill(dom, card, frame) {
  if (filled.has(card) && filled.get(card) === frame.prediction) return;
  filled.set(card, frame.prediction);
  const { h } = dom;
  const prediction = frame.said;
  const place = /** @type {Element} */ (card.querySelector(".said"));
  const [best] = prediction?.top ?? [];
  dom.set(card, "data-outcome", prediction?.outcome ?? "waiting");
  dom.replace(
    place,
    h("strong", { class: "label" }, prediction?.outcome === "error" ? "no result" : (best?.label ?? "…")),
    h("span", { class: "outcome" }, outcomeText(prediction)),
    prediction && scoreBars(dom, prediction, BARS),
    prediction && h("span", { class: "model", title: timingsLine(prediction) }, modelLine(prediction, latencyMs(frame))),
    h("span", { class: "time" }, clock(madeAt(frame))),
  );
}
