// @ts-check
/** A module's log, with the filters of edgeAgent's GetModuleLogs. */

import { h, write } from "../dom.js";

const LONGEST_LINE = 2000;
const MOST_LINES = 1000;
/** Snapshots, one a second, between two readings that follow the log. */
const FOLLOW_EVERY = 3;

const LEVELS = [["", "any"], ["3", "error"], ["4", "warning"], ["6", "information"], ["7", "debug"]];

/**
 * @param {HTMLElement} element
 * @param {string} module
 * @param {import("../panel.js").Context} context
 * @returns {() => void} ends it
 */
export function mountLogs(element, module, context) {
  const tail = h("input", { id: "logs-tail", type: "number", min: 1, max: MOST_LINES, value: 100 });
  const since = h("input", { id: "logs-since", type: "text", placeholder: "5m", autocomplete: "off", spellcheck: "false" });
  const until = h("input", { id: "logs-until", type: "text", placeholder: "1m", autocomplete: "off", spellcheck: "false" });
  const level = h("select", { id: "logs-level" }, ...LEVELS.map(([value, text]) => h("option", { value }, text)));
  const regex = h("input", { id: "logs-regex", type: "text", placeholder: "refused|failed", autocomplete: "off", spellcheck: "false" });
  const follow = h("input", { id: "logs-follow", type: "checkbox" });
  const lines = h("pre", { class: "logs", tabindex: "0", role: "log", "aria-live": "off", "aria-label": `Log of ${module}` });
  const failure = h("p", { class: "failure", role: "alert" });
  let reading = false;
  let snapshots = 0;

  async function read() {
    if (reading) return;
    reading = true;
    try {
      const filter = { tail: Number(tail.value) || 100, since: since.value, until: until.value, regex: regex.value };
      const answer = await context.api.logs(module, { ...filter, ...(level.value && { loglevel: Number(level.value) }) });
      const atTheEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 8;
      const shown = answer.lines.slice(-MOST_LINES).map((line) => line.slice(0, LONGEST_LINE));
      write(lines, shown.join("\n") || "No line of the log fits.");
      if (atTheEnd) lines.scrollTop = lines.scrollHeight;
      write(failure, "");
    } catch (error) {
      write(failure, `The log could not be read: ${/** @type {Error} */ (error).message}`);
    } finally {
      reading = false;
    }
  }

  const form = h(
    "form",
    { class: "fields" },
    h("label", { for: tail.id }, "Lines"), tail,
    h("label", { for: since.id }, "Since"), since,
    h("label", { for: until.id }, "Until"), until,
    h("label", { for: level.id }, "Level"), level,
    h("label", { for: regex.id }, "Regular expression"), regex,
    h("label", { for: follow.id }, "Follow"), follow,
    h("button", null, "Read the log"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void read();
  });
  element.append(h("h3", null, "Log"), form, failure, lines);
  return context.state.on("snapshot", () => {
    snapshots += 1;
    // Not seen: not read.
    if (follow.checked && snapshots % FOLLOW_EVERY === 0 && lines.checkVisibility() && !document.hidden) void read();
  });
}
