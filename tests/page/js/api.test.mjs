import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";

import { Api } from "../../../edge_runtime/page/static/api.js";
import { State } from "../../../edge_runtime/page/static/state.js";

/** Follows a stream that says `text` each time, until it has waited `times`; what the page told of the connection. */
async function followed(context, text, times = 1) {
  context.mock.method(globalThis, "fetch", async () => new Response(text));
  const [state, following, told] = [new State(), new AbortController(), []];
  state.on("connection", ({ status, detail }) => {
    if (status === "waiting") told.push(detail);
    if (told.length === times) following.abort();
  });
  const listening = [];
  state.on("hello", () => listening.push(getEventListeners(following.signal, "abort").length));
  await new Api("t").follow(state, following.signal);
  return { told, listening };
}

const HELLO = 'event: hello\ndata: {"instance": "i"}\n\n';

test("a stream that ends, one that is no JSON and one that never ends a line are told apart", async (context) => {
  assert.deepEqual((await followed(context, HELLO)).told, ["the runtime has closed the connection"]);
  const [json] = (await followed(context, `${HELLO}event: message\ndata: {"a\n\n`)).told;
  assert.match(json, /^the stream cannot be read: .*JSON/);
  const [line] = (await followed(context, `data: ${"x".repeat(5 * 1024 * 1024)}`)).told;
  assert.match(line, /^the stream cannot be read: an event of the stream is longer/);
});

test("no listener stays behind when it is tried again", async (context) => {
  const { listening } = await followed(context, HELLO, 3);
  assert.equal(listening.length, 3);
  assert.equal(new Set(listening).size, 1, listening.join());
});
