// AG-UI as an application uses it: HttpAgent, which checks the types and the order of all events.
const { HttpAgent } = require("@ag-ui/client");
const { serve } = require("../command_loop.cjs");

// The client rejects a promise that nobody can await when a connection breaks. A browser logs that, Node would end.
process.on("unhandledRejection", (error) => console.error("unhandled", error));

let agent, events;

const state = () => ({ messages: agent.messages, pending: agent.pendingInterrupts, events });

async function run({ runId, resume, forwardedProps, tools }) {
  events = [];
  let failure, result;
  try {
    result = await agent.runAgent({ runId, resume, forwardedProps, tools }, { onEvent: ({ event }) => void events.push(event) });
  } catch (error) {
    failure = { message: error.message, status: error.status, payload: error.payload };
  }
  return { ...state(), failure, result: result?.result, newMessages: result?.newMessages };
}

serve({
  open: ({ url, headers, threadId, messages }) => {
    agent = new HttpAgent({ url, headers, threadId, initialMessages: messages ?? [] });
  },
  add: ({ id, content }) => agent.addMessage({ id, role: "user", content }),
  run,
  state,
});
