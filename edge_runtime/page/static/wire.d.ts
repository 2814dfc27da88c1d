/** The documents of the page's API (docs/page.md), as the server sends them. Types alone: the page never loads this file. */

export interface Hello {
  version: number;
  device: string;
  instance: string;
  sampling: { tracesPerSecond: number; bytesPerSecond: number };
}

export interface ModuleState {
  status: string;
  description: string | null;
  connected: boolean;
  restartCount: number;
  exitCode: number | null;
  /** RFC 3339, UTC. */
  startedAt: string | null;
  cpuPercent: number | null;
  memoryBytes: number | null;
  desiredStatus: string | null;
  /** edgeHub and edgeAgent. */
  system: boolean;
}

export interface RouteState {
  name: string;
  text: string;
  priority: number;
  /** null: the store-and-forward configuration's. */
  timeToLiveSecs: number | null;
  /** null: the source is no module's output (any message, a device's, a twin's). */
  from: { module: string; output: string | null } | null;
  /** The source as the route writes it. */
  source: string;
  /** `module/input` or `iothub`. */
  to: string;
  matched: number;
  /** Messages a second. */
  rate: number;
}

export interface EndpointState {
  endpoint: string;
  queued: number;
  byPriority: { priority: number; length: number }[];
  delivered: number;
  rate: number;
}

export interface Drop {
  reason: string;
  module: string | null;
  output: string | null;
  endpoint: string | null;
  route: string | null;
  count: number;
}

export interface Snapshot {
  at: string;
  device: string;
  instance: string;
  hub: "up" | "down";
  modules: Record<string, ModuleState>;
  routes: RouteState[];
  endpoints: EndpointState[];
  dropped: Drop[];
  upstream: { connected: boolean; switchedOff: boolean; queued: number; delivered: number; rate: number };
  store: { status: string; usedBytes: number; limitBytes: number | null; waiting: number } | null;
  stored: number;
  rate: number;
}

export interface Message {
  /** The page's own: the server's begins anew with a connection. */
  number: number;
  at: string;
  device: string;
  /** null: a device's message. */
  module: string | null;
  output: string | null;
  routes: string[];
  endpoints: string[];
  size: number;
  sys: Record<string, string>;
  app: Record<string, string>;
  trace: string;
  /** Text, when the content type is JSON. */
  body?: string;
  bodyBase64?: string;
  /** Why there is no body. */
  bodyOmitted?: string;
}

export interface Delivered {
  at: string;
  endpoint: string;
  module: string | null;
  output: string | null;
  messageId: string | null;
  redelivery: boolean;
  trace: string;
}

export interface Dropped {
  at: string;
  reason: string;
  module: string | null;
  output: string | null;
  endpoint: string | null;
  messageId: string | null;
  /** null: it was refused before it became a message. */
  trace: string | null;
}

export interface Reported {
  at: string;
  device: string;
  module: string | null;
  patch: Record<string, unknown>;
}

export interface Presence {
  at: string;
  module: string | null;
}

export interface Gap {
  missed: number;
}

/** What happens on the stream, by the event's name. */
export interface StreamEvents {
  hello: Hello;
  snapshot: Snapshot;
  message: Message;
  delivered: Delivered;
  dropped: Dropped;
  reported: Reported;
  connected: Presence;
  disconnected: Presence;
  gap: Gap;
}

export interface Twin {
  desired: Record<string, unknown>;
  reported: Record<string, unknown>;
  version: number;
}

export interface ArrivedEvent {
  id: number;
  [key: string]: unknown;
}

export interface RouteVerdict {
  name: string;
  text: string;
  matched: boolean;
  sourceMatched: boolean;
  condition: "true" | "false" | "undefined";
  deciding: { text: string; line: number; column: number; value: unknown } | null;
  operands: unknown[];
  notes: string[];
}

export interface ExplainRequest {
  module: string | null;
  output: string | null;
  sys: Record<string, string>;
  app: Record<string, string>;
  body: unknown;
}
