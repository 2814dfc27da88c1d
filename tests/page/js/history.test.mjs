import assert from "node:assert/strict";
import { test } from "node:test";

import { History, arrivedOf } from "../../../edge_runtime/page/static/panels/history.js";

/** What has arrived, as the page's server tells it: the newest first, in portions. */
class Arrived {
  asked = [];

  constructor(events) {
    this.events = events;
  }

  async arrived(filter) {
    this.asked.push(filter);
    const { before = Infinity, limit, module, output } = filter;
    const fitting = this.events.filter((one) => one.id < before && (!module || (one.moduleId === module && one.output === output)));
    return { events: fitting.slice(0, limit), more: fitting.length > limit };
  }
}

const numbered = (count, given = {}) => Array.from({ length: count }, (_, index) => ({ id: count - index, ...given }));

const ids = (messages) => [messages[0]?.arrivedId, messages.at(-1)?.arrivedId];

test("further and further back, until there is no more", async () => {
  const history = new History(new Arrived(numbered(250)));
  assert.deepEqual(ids(await history.newer()), [250, 151]);
  assert.deepEqual(await history.newer(), []);
  assert.deepEqual(ids(await history.older()), [150, 51]);
  assert.equal(history.more, true);
  assert.deepEqual(await history.newer(), []);
  assert.deepEqual(ids(await history.older()), [50, 1]);
  assert.equal(history.more, false);
  assert.deepEqual(await history.older(), []);
});

test("what came meanwhile is read down to what is known, and what is older goes on where it was", async () => {
  const api = new Arrived(numbered(250));
  const history = new History(api);
  await history.newer();
  api.events = numbered(580);
  const found = await history.newer();
  assert.deepEqual([ids(found), found.length], [[580, 251], 330]);
  assert.deepEqual(ids(await history.older()), [150, 51]);
});

test("where too much came meanwhile the hole is what is older", async () => {
  const api = new Arrived(numbered(250));
  const history = new History(api);
  await history.newer();
  api.events = numbered(2000);
  assert.deepEqual(ids(await history.newer(300)), [2000, 1701]);
  assert.deepEqual(ids(await history.older()), [1700, 1601]);
});

test("where nothing arrived there is no more", async () => {
  const history = new History(new Arrived([]));
  assert.deepEqual(await history.newer(), []);
  assert.equal(history.more, false);
});

test("a failure leaves it where it was", async () => {
  const api = new Arrived(numbered(250));
  const history = new History(api);
  await history.newer();
  const { arrived } = api;
  api.arrived = () => Promise.reject(new Error("away"));
  await assert.rejects(history.older(), /away/);
  api.arrived = arrived;
  assert.equal((await history.older())[0].arrivedId, 150);
});

test("one schema is asked for at the outputs that lead upstream, each once", async () => {
  const api = new Arrived([
    { id: 3, moduleId: "f", output: "summaries", properties: { schema: "summary/1" } },
    { id: 2, moduleId: "f", output: "summaries", properties: { schema: "other/1" } },
    { id: 1, moduleId: "g", output: "out", properties: { schema: "summary/1" } },
  ]);
  const route = (module, output, to = "iothub") => ({ from: { module, output }, to });
  const routes = [route("f", "summaries"), route("f", "summaries"), route("g", "out", "h/in"), { from: null, to: "iothub" }, route("g", null)];
  const found = await arrivedOf(api, routes, "summary/1", 100, 0);
  assert.deepEqual(found.map((message) => message.arrivedId), [3]);
  assert.deepEqual(api.asked.map(({ module, output }) => [module, output]), [["f", "summaries"]]);
});

test("of one schema no more is read than is not known", async () => {
  const api = new Arrived(numbered(350, { moduleId: "f", output: "o", properties: { schema: "s" } }));
  const routes = [{ from: { module: "f", output: "o" }, to: "iothub" }];
  const first = async (most, reached) => (await arrivedOf(api, routes, "s", most, reached)).length;
  assert.equal(await first(288, 0), 300);
  assert.equal(await first(1000, 0), 350);
  assert.equal(await first(288, 200), 150);
});
