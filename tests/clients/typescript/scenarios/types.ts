/** What must not compile: each line below an expected error would be a mistake that only shows at run time. */
import { createAgentClient, createServicesClient, type PromptEvent } from "@pointsman/client";

const baseUrl = "http://127.0.0.1:1";

export async function misuse(): Promise<void> {
  // @ts-expect-error A key is needed.
  createServicesClient({ baseUrl });
  // @ts-expect-error A key of the Agent API acts for a user.
  createAgentClient({ baseUrl, apiKey: "key" });
  // @ts-expect-error A token names its user.
  createAgentClient({ baseUrl, token: "token", userId: "ada" });
  const services = createServicesClient({ baseUrl, apiKey: "key" });
  const agent = createAgentClient({ baseUrl, userId: "ada" });
  // @ts-expect-error There is no such path.
  await services.api.GET("/nowhere");
  // @ts-expect-error The other API's paths are not this client's.
  await services.api.GET("/api/prompts");
  // @ts-expect-error A create needs a name.
  await services.createInstance({ instanceId: "agent-7" });
  // @ts-expect-error A path's parameters are needed.
  await services.api.GET("/operations/{operationId}");
  // @ts-expect-error A stream is followed with `follow`.
  await agent.api.GET("/prompts/{promptId}/stream", { params: { path: { promptId: "prompt-1" } } });
  for await (const { status } of services.operations()) {
    // @ts-expect-error No operation has this status.
    if (status === "done") return;
  }
  const { tools } = await services.api.GET("/registry");
  const names: string[] = tools.map(({ id }) => id);
  // @ts-expect-error They are texts.
  const numbers: number[] = names;
  void numbers;
}

/** Each event has the data of its type. */
export function describe(event: PromptEvent): string {
  switch (event.type) {
    case "created":
      return event.data.promptId;
    case "output":
      return event.data.type === "text" ? event.data.content : event.data.start;
    case "approval":
    case "call":
      return event.data.toolName;
    case "decided":
      return event.data.decision;
    case "delta":
      return event.data.text;
    case "completed":
      return `${event.data.usage.totalTokens} ${event.id}`;
    case "error":
      return event.data.message;
  }
}
