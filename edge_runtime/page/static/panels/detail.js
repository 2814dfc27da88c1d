// @ts-check
/** Everything about one trace: its picture, what was said of it, where the time went, each message and its routes. */

import { stretch } from "./charts.js";
import { CELL } from "./columns.js";
import { clock, duration } from "./figures.js";
import { SCHEMA as FRAME } from "./frame-board.js";
import { timeline } from "./hops.js";
import { laidOut } from "./json-text.js";
import { bodyOf, idOf, keyOf, millis, pictureType, schemaOf, senderOf } from "./message.js";
import { facts, table } from "./parts.js";
import { picture, pictureUrl } from "./picture.js";
import { modelLine, outcomeText, scoreBars, timingsLine } from "./prediction-view.js";
import { judged, labelOf, newestAnswer, predictionOf } from "./prediction.js";
import { recall } from "./recall.js";
import { caveat, requestOf } from "./verdict.js";
import { verdictList } from "./verdict-list.js";
import { shorten, size } from "../format.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("../panel.js").Context} Context */

/** Characters of a body that are shown. */
const SHOWN = 20_000;

/**
 * Fill the dialog about a trace, and keep it up to date.
 * @param {HTMLElement} element
 * @param {string} trace
 * @param {Context} context
 * @returns {() => void} ends it
 */
export function detail(element, trace, context) {
  const { dom, state } = context;
  const urls = new Set();
  const place = dom.h("div", { class: "trace" });
  dom.append(element, place);
  const head = dom.h("div", { class: "head" });
  const time = dom.h("div", { class: "timeline" });
  const list = dom.h("div", { class: "messages" });
  dom.append(place, head, time, list);
  let drawn = "";
  const draw = () => {
    const kept = recall(state, trace);
    const { messages, delivered, dropped } = kept;
    const now = `${messages.map(keyOf).join()} ${delivered.length} ${dropped.length}`;
    if (now === drawn) return;
    drawn = now;
    drawHead(context, head, messages, trace, urls);
    drawTimeline(context, time, kept);
    dom.keep(list, messages, keyOf, (message) => messageOf(context, message, message === messages[0]));
  };
  const again = context.redraw(draw);
  const ends = [state.on("message", again), state.on("delivered", again), state.on("dropped", again)];
  draw();
  return () => {
    for (const end of ends) end();
    for (const url of urls) URL.revokeObjectURL(url);
  };
}

/**
 * @param {Context} context
 * @param {Element} element
 * @param {readonly Message[]} messages
 * @param {string} trace
 * @param {Set<string>} urls
 */
function drawHead({ dom }, element, messages, trace, urls) {
  const { h } = dom;
  const pictured = messages.find((message) => pictureType(message) !== null && message.bodyBase64);
  const said = newestAnswer(messages);
  const known = element.querySelector("img, .no-picture");
  const frames = messages.filter((message) => schemaOf(message) === FRAME);
  const frame = frames.find((message) => said && idOf(message) === predictionOf(said).frameId) ?? frames[0];
  dom.replace(
    element,
    h("h2", null, titleOf(messages)),
    h("p", { class: "id" }, `trace ${trace}`),
    messages.length === 0 && h("p", { class: "hint" }, "The page no longer keeps the messages of this trace."),
    h("div", { class: "seen" }, pictured && (known ?? newPicture(dom, pictured, urls)), said && predictionFacts(dom, said, frame)),
  );
}

/**
 * @param {typeof import("../dom.js")} dom
 * @param {Message} message
 * @param {Set<string>} urls
 */
function newPicture(dom, message, urls) {
  const url = pictureUrl(message);
  if (url !== null) urls.add(url);
  return picture(dom, url, `the picture of ${idOf(message) ?? senderOf(message)}`);
}

/** @param {readonly Message[]} messages */
function titleOf(messages) {
  const [first] = messages;
  return first === undefined ? "Message" : shorten(idOf(first) ?? senderOf(first), CELL);
}

/**
 * @param {typeof import("../dom.js")} dom
 * @param {Message} message
 * @param {Message | undefined} frame
 */
function predictionFacts(dom, message, frame) {
  const { h } = dom;
  const prediction = judged(predictionOf(message), frame ? labelOf(frame) : null);
  const latency = millis(message.at) - millis(frame?.app.capturedAt ?? prediction.capturedAt);
  return h(
    "div",
    { class: "prediction", dataset: { outcome: prediction.outcome } },
    h("p", { class: "outcome" }, outcomeText(prediction)),
    prediction.error && h("p", { class: "failure" }, prediction.error.message),
    scoreBars(dom, prediction, prediction.top.length),
    facts(dom, [
      ["truth", prediction.truth ?? "not known"],
      ["model", modelLine(prediction, null)],
      ["model's sha256", h("code", null, prediction.model.sha256)],
      ["in the model", timingsLine(prediction)],
      ["capture to prediction", latency < 0 ? "not known: the clock of the capture is ahead" : Number.isFinite(latency) ? duration(latency) : "not known"],
    ]),
  );
}

/**
 * @param {Context} context
 * @param {Element} element
 * @param {import("./recall.js").Kept} kept
 */
function drawTimeline({ dom }, element, { messages, delivered, dropped }) {
  const { h } = dom;
  const line = timeline(messages, delivered);
  const drops = dropped.map(({ at, reason, module, output }) => {
    return h("p", { class: "failure" }, `Dropped at ${clock(millis(at))}: ${reason} (${[module, output].filter(Boolean).join("/")})`);
  });
  if (line === null) {
    dom.replace(element, ...drops);
    return;
  }
  const hops = table(dom, `Where ${duration(line.totalMs)} went, since ${clock(line.start)}`, ["hop", "begins after", "takes", "", ""]);
  for (const hop of line.hops) {
    const cells = [hop.name, duration(hop.from), duration(hop.to - hop.from), stretch(dom, hop, line.totalMs), hop.note];
    hops.rows.append(h("tr", { dataset: { where: hop.where } }, ...cells.map((cell) => h("td", null, cell))));
  }
  dom.replace(element, h("h3", null, "Time"), hops.element, ...drops);
}

/**
 * @param {Context} context
 * @param {Message} message
 * @param {boolean} open
 */
function messageOf(context, message, open) {
  const { h, append } = context.dom;
  const named = `${senderOf(message)}${schemaOf(message) ? ` (${schemaOf(message)})` : ""}`;
  const element = h("details", { class: "message" }, h("summary", null, named, h("span", { class: "time" }, ` ${clock(millis(message.at))}, ${size(message.size)}`)));
  let filled = false;
  element.addEventListener("toggle", () => {
    if (filled || !element.open) return;
    filled = true;
    append(element, ...contentOf(context, message));
  });
  element.open = open;
  return element;
}

/**
 * @param {Context} context
 * @param {Message} message
 */
function contentOf(context, message) {
  const { dom } = context;
  const { h } = dom;
  const routes = h("div", { class: "routes" }, h("p", { class: "hint" }, "Asking the hub about its routes…"));
  void explain(context, message, routes);
  return [
    facts(dom, [
      ["stored at", message.at],
      ["routes", message.arrivedId === undefined ? message.routes.join(", ") || "none" : "see below: it was read from upstream"],
      ["endpoints", message.endpoints.join(", ") || "–"],
    ]),
    h("h4", null, "Properties"),
    facts(dom, Object.entries(message.app)),
    h("h4", null, "System properties"),
    facts(dom, Object.entries(message.sys)),
    h("h4", null, "Body"),
    bodyView(dom, message),
    h("h4", null, "Routes, and why"),
    caveat(message) && h("p", { class: "note" }, caveat(message)),
    routes,
    h("button", { type: "button", class: "to-explain", onclick: () => toExplain(context, message) }, "Change it and explain again"),
  ];
}

/**
 * @param {Context} context
 * @param {Message} message
 */
function toExplain(context, message) {
  for (const dialog of document.querySelectorAll("dialog[open]")) /** @type {HTMLDialogElement} */ (dialog).close();
  context.show("explain", message);
}

/**
 * @param {Context} context
 * @param {Message} message
 * @param {Element} place
 */
async function explain({ api, dom }, message, place) {
  try {
    const { routes } = await api.explain(requestOf(message));
    dom.replace(place, verdictList(dom, routes));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    dom.replace(place, dom.h("p", { class: "failure" }, `The runtime could not explain it: ${error.message}`));
  }
}

/**
 * @param {typeof import("../dom.js")} dom
 * @param {Message} message
 */
function bodyView({ h }, message) {
  const body = bodyOf(message);
  switch (body.kind) {
    case "json":
      return text(h, laidOut(body.text, body.value));
    case "text":
      return text(h, body.text);
    case "binary":
      return pictureType(message) ? h("p", null, `a picture, ${size(message.size)}`) : text(h, body.base64);
    case "omitted":
      return h("p", { class: "hint" }, `left out: ${body.reason}`);
    default:
      return h("p", { class: "hint" }, "empty");
  }
}

/**
 * @param {typeof import("../dom.js").h} h
 * @param {string} body
 */
function text(h, body) {
  const left = body.length - SHOWN;
  return h("pre", { class: "body" }, left > 0 ? `${body.slice(0, SHOWN)}\n… ${left} more characters` : body);
}
