/** Submit a prompt, or follow one, decide what it asks, and print all events, or the error that ended the iteration. */
import {
  createAgentClient,
  PointsmanError,
  type AgentClientOptions,
  type PromptEvent,
  type PromptOptions,
} from "@pointsman/client";

interface Arguments {
  client: AgentClientOptions;
  input?: string;
  follow?: { promptId: string; lastEventId?: string };
  options?: PromptOptions;
  decision?: "approve" | "reject";
  /** Stop iterating after this many events. */
  stopAfter?: number;
  /** Abort after this many events. */
  abortAfter?: number;
}

const {
  client,
  input = "",
  follow,
  options,
  decision,
  stopAfter,
  abortAfter,
}: Arguments = JSON.parse(process.argv[2] ?? "{}");
const agent = createAgentClient(client);
const controller = new AbortController();
const stream = { ...options, signal: controller.signal };
const events: PromptEvent[] = [];
let error: unknown = null;
try {
  const sequence = follow ? agent.follow(follow.promptId, follow.lastEventId, stream) : agent.prompt(input, stream);
  for await (const event of sequence) {
    events.push(event);
    if (event.type === "approval") {
      const { promptId, toolCallId, input } = event.data;
      if (decision === "approve") await agent.approve(promptId, toolCallId, { input });
      if (decision === "reject") await agent.reject(promptId, toolCallId, { reason: "Not today" });
    }
    if (events.length === stopAfter) break;
    if (events.length === abortAfter) controller.abort();
  }
} catch (caught) {
  if (caught instanceof PointsmanError) {
    const { name, status, code, message, requestId, issues, details } = caught;
    error = { name, status, code, message, requestId, issues, details };
  } else error = { name: (caught as Error).name, message: (caught as Error).message };
}
console.log(JSON.stringify({ events, error }));
