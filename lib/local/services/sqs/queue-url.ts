import type { World } from "../../kernel/service.ts";

/** The URL of a queue of this account: `<endpoint>/<account>/<name>`. */
export function queueUrl(world: World, name: string): string {
  return `${world.endpoint ?? "http://127.0.0.1"}/${world.accountId}/${name}`;
}

/** For services that hold a queue's ARN (destinations, dead-letter queues) and call SendMessage, which wants a URL. */
export function queueUrlOf(world: World, arn: string): string {
  return queueUrl(world, queueNameOf(arn));
}

/** The name at the end of a queue's URL or ARN. */
export function queueNameOf(urlOrArn: string): string {
  return urlOrArn.split(urlOrArn.startsWith("arn:") ? ":" : "/").at(-1) ?? "";
}
