// A module on the Node SDK: prints its desired properties, then sends what comes on an input to output "out".
// Prints one JSON document a line; ends with the process's standard input.
"use strict";

const { Message, ModuleClient } = require("azure-iot-device");
const { Mqtt } = require("azure-iot-device-mqtt");

const print = (document) => process.stdout.write(JSON.stringify(document) + "\n");

async function main() {
  const client = await ModuleClient.fromEnvironment(Mqtt);
  await client.open();
  const twin = await client.getTwin();
  print({ desired: twin.properties.desired });
  twin.properties.reported.update({ seen: true }, (error) => print({ reported: error ? String(error) : null }));
  client.on("inputMessage", (input, message) => {
    client.complete(message, () => {});
    const properties = Object.fromEntries(message.properties.propertyList.map(({ key, value }) => [key, value]));
    print({ input, body: message.getData().toString(), properties });
    const answer = new Message(message.getData());
    answer.messageId = `answer to ${message.messageId}`;
    answer.contentType = "text/plain";
    answer.contentEncoding = "utf-8";
    answer.properties.add("from", "node/é =&?");
    client.sendOutputEvent("out", answer, (error) => print({ sent: error ? String(error) : null }));
  });
  process.stdin.resume();
  process.stdin.on("end", () => client.close(() => process.exit(0)));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
