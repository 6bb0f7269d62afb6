/** Send one request, and print its result or its error, and whether a secret shows anywhere. */
import { inspect } from "node:util";

import {
  createAgentClient,
  createServicesClient,
  PointsmanError,
  type ConnectionOptions,
  type PromptEvent,
} from "@pointsman/client";

interface Arguments {
  what: "getRegistry" | "createInstance" | "callTool" | "prompt" | "waitForOperation";
  connection: ConnectionOptions;
  idleTimeoutMs?: number;
  waitTimeoutMs?: number;
}

const SECRET = "secret-0123456789";
const {
  what,
  connection,
  idleTimeoutMs = 60_000,
  waitTimeoutMs = 60_000,
}: Arguments = JSON.parse(process.argv[2] ?? "{}");
const services = createServicesClient({ ...connection, apiKey: SECRET });
const agent = createAgentClient({ ...connection, apiKey: SECRET, userId: "ada" });

async function readEvents(): Promise<PromptEvent["type"][]> {
  const types: PromptEvent["type"][] = [];
  for await (const { type } of agent.prompt("Hello", { idleTimeoutMs })) types.push(type);
  return types;
}

const requests = {
  getRegistry: () => services.api.GET("/registry"),
  createInstance: () => services.createInstance({ instanceId: "agent-7", name: "agent-7" }),
  callTool: () => agent.callTool("time.now"),
  prompt: readEvents,
  waitForOperation: () => services.waitForOperation("op-1", { waitTimeoutMs }),
};
const shown: unknown[] = [services, agent];
let answer: object;
try {
  answer = { result: await requests[what]() };
} catch (error) {
  if (!(error instanceof PointsmanError)) throw error;
  shown.push(error);
  const { name, message, status, code, requestId, attempts, retryAfterMs } = error;
  answer = { error: { name, message, status, code, requestId, attempts, retryAfterMs } };
}
const text = shown.map((one) => `${inspect(one, { depth: 9, showHidden: true })} ${one} ${JSON.stringify(one)}`).join();
console.log(JSON.stringify({ ...answer, isSecretShown: text.includes(SECRET) }));
