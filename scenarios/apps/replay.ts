/** Two guarded functions whose releases are tried with a recorded event and with what lies in their dead-letter queues. */

import { fileURLToPath } from "node:url";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { shop } from "./parts/shop.ts";

const order = fileURLToPath(new URL("../events/order-created.json", import.meta.url));

shop(
  (name) => `-${name}`,
  {},
  false,
  (stack, functionName) => {
    const queueName = `${functionName}-dead`;
    new Queue(stack, `${functionName}Dead`, { queueName });
    return { replay: { events: [order], deadLetters: [{ queueName, holds: "events" }], seconds: 30 } };
  },
);
