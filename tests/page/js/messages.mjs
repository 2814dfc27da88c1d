/** Messages as the stream sends them, for the tests. */

let number = 0;

export const TRACE = "0af7651916cd43dd8448eb211c80319c";

/** The time `ms` after 2026-01-01, with microseconds, as the hub writes it. */
export function time(ms) {
  return new Date(Date.UTC(2026, 0, 1) + Math.floor(ms)).toISOString().replace("Z", "000Z");
}

export function message({ app = {}, sys = {}, at = 0, ...given } = {}) {
  number += 1;
  const trace = given.trace ?? sys.messageId ?? `n${number}`;
  return {
    number,
    at: time(at),
    device: "edge",
    module: "m",
    output: "out",
    routes: ["r"],
    endpoints: ["iothub"],
    size: 10,
    ...given,
    trace,
    sys,
    app,
  };
}

export function frame(trace, { id = `cam.b.${trace}`, at = 10, capturedAt = time(0), ...given } = {}) {
  return message({
    module: "camera",
    output: "frames",
    endpoints: ["classifier/frames"],
    trace,
    at,
    sys: { messageId: id, contentType: "image/png" },
    app: { schema: "frame/1", capturedAt },
    bodyBase64: "iVBORw0KGgo=",
    ...given,
  });
}

export function predictionBody(given = {}) {
  return {
    schema: "prediction/1",
    frameId: "cam.b.1",
    model: { name: "net", version: "2", sha256: "0".repeat(64) },
    top: [
      { label: "cat", probability: 0.75 },
      { label: "dog", probability: 0.25 },
    ],
    abstained: false,
    timingsMs: { queue: 1, decode: 0.5, infer: 4 },
    ...given,
  };
}

export function prediction(trace, body = {}, given = {}) {
  return message({
    module: "classifier",
    output: "predictions",
    endpoints: ["results_filter/predictions"],
    trace,
    at: 30,
    sys: { messageId: `cam.b.${trace}.p.0`, contentType: "application/json" },
    app: { schema: "prediction/1" },
    body: JSON.stringify(predictionBody(body)),
    ...given,
  });
}

export function event(id, body = {}, given = {}) {
  return message({
    module: "results_filter",
    output: "events",
    sys: { messageId: id, contentType: "application/json" },
    app: { schema: "event/1" },
    body: JSON.stringify({
      schema: "event/1",
      type: "start",
      label: "cat",
      frames: 3,
      durationMs: 1500,
      meanProbability: 0.8,
      peakProbability: 0.9,
      prediction: predictionBody(),
      ...body,
    }),
    ...given,
  });
}

export function summary(id, body = {}) {
  return message({
    output: "summaries",
    sys: { messageId: id, contentType: "application/json" },
    app: { schema: "summary/1" },
    body: JSON.stringify({
      schema: "summary/1",
      since: "2026-01-01T00:00:00.000Z",
      until: "2026-01-01T00:05:00.000Z",
      predictions: 10,
      labels: { cat: 6, dog: 3 },
      abstained: { low_margin: 1 },
      errors: {},
      confidence: [0, 0, 0, 0, 0, 1, 1, 1, 2, 4],
      ...body,
    }),
  });
}
