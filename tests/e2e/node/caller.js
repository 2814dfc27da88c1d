// A module on the Node SDK: answers method "echo", and calls methods as method_caller.py does: one JSON document a
// line on standard input, its answer on standard output. RENEW_EVERY_S makes it renew its token that often,
// WEBSOCKETS connect over websockets.
"use strict";

const readline = require("readline");
const { ModuleClient } = require("azure-iot-device");
const { Mqtt, MqttWs } = require("azure-iot-device-mqtt");

const VALID_S = 600;
const renewEvery = Number(process.env.RENEW_EVERY_S);

// The life of a token is the authentication provider's to set, which fromEnvironment makes for the transport.
class Transport extends (process.env.WEBSOCKETS ? MqttWs : Mqtt) {
  constructor(provider) {
    super(provider);
    if (renewEvery) provider.setTokenRenewalValues(VALID_S, VALID_S - renewEvery);
  }
}

const print = (document) => process.stdout.write(JSON.stringify(document) + "\n");

async function main() {
  const client = await ModuleClient.fromEnvironment(Transport);
  await client.open();
  client.onMethod("echo", (request, response) => response.send(200, request.payload));
  await client.getTwin();
  print({ ready: true });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { device, module, call } = JSON.parse(line);
    const times = { connectTimeoutInSeconds: 0, responseTimeoutInSeconds: 30 };
    try {
      const { status, payload } = await client.invokeMethod(device, module, { ...times, ...call });
      print({ answer: { status, payload } });
    } catch (error) {
      print({ error: error.name, cause: String(error.message) });
    }
  }
  client.close(() => process.exit(0));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
