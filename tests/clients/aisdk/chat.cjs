// The AI SDK as a chat page uses it: AbstractChat, with a state as useChat's, and DefaultChatTransport.
const { AbstractChat, DefaultChatTransport, lastAssistantMessageIsCompleteWithApprovalResponses } = require("ai");
const { serve } = require("../command_loop.cjs");

class State {
  status = "ready";
  error = undefined;
  messages = [];
  pushMessage = (message) => (this.messages = this.messages.concat(message));
  popMessage = () => (this.messages = this.messages.slice(0, -1));
  replaceMessage = (index, message) => {
    this.messages = [...this.messages.slice(0, index), this.snapshot(message), ...this.messages.slice(index + 1)];
    observe(this.messages);
  };
  snapshot = (value) => structuredClone(value);
}

class Chat extends AbstractChat {
  constructor(init) {
    super({ ...init, state: new State() });
  }
}

let chat, seen, finishes;

// The text of the last message, each time it changes.
function observe(messages) {
  const texts = (messages.at(-1)?.parts ?? []).filter((part) => part.type === "text").map((part) => part.text);
  if (JSON.stringify(seen.at(-1)) !== JSON.stringify(texts)) seen.push(texts);
}

const state = () => ({
  status: chat.status,
  error: chat.error?.message,
  messages: chat.messages,
  seen,
  finishes,
});

async function settle() {
  while (chat.status === "submitted" || chat.status === "streaming") await new Promise((done) => setTimeout(done, 10));
}

serve({
  open: ({ url, headers, id, messages, lastMessageOnly, body }) => {
    [seen, finishes] = [[], []];
    chat = new Chat({
      id,
      transport: new DefaultChatTransport({
        api: url,
        headers,
        body,
        ...(lastMessageOnly && {
          prepareSendMessagesRequest: ({ id, messages, trigger, messageId }) => ({
            body: { id, messages: messages.slice(-1), trigger, messageId },
          }),
        }),
      }),
      sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
      onFinish: ({ isAbort, isDisconnect, isError, finishReason }) =>
        finishes.push({ isAbort, isDisconnect, isError, finishReason }),
    });
    chat.messages = messages ?? [];
  },
  send: async ({ text, parts, id }) => {
    await chat.sendMessage(parts ? { parts, ...(id && { id }) } : id ? { id, parts: [{ type: "text", text }] } : { text });
    return state();
  },
  sendOnly: ({ text }) => void chat.sendMessage({ text }).catch(() => {}),
  decide: async ({ id, approved, reason }) => {
    await chat.addToolApprovalResponse({ id, approved, reason });
    await new Promise((done) => setTimeout(done, 50));
    await settle();
    return state();
  },
  retry: async () => {
    await chat.sendMessage();
    return state();
  },
  regenerate: async () => {
    await chat.regenerate();
    return state();
  },
  resume: async () => {
    await chat.resumeStream();
    return state();
  },
  stop: () => chat.stop(),
  state,
});
