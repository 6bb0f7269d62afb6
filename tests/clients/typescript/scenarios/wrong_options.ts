/** Use what cannot be an address, a credential or an id, and print the errors. */
import { createAgentClient, createServicesClient } from "@pointsman/client";

const baseUrl = "http://127.0.0.1:1";
const makers = [
  () => createServicesClient({ baseUrl, apiKey: "secret\nkey" }),
  () => createServicesClient({ baseUrl, apiKey: "" }),
  () => createServicesClient({ baseUrl: "http://ada:secret@127.0.0.1", apiKey: "key" }),
  () => createServicesClient({ baseUrl: "secret.example.org", apiKey: "key" }),
  () => createServicesClient({ baseUrl: "file:///secret", apiKey: "key" }),
  () => createServicesClient({ baseUrl: `${baseUrl}?key=secret`, apiKey: "key" }),
  () => createAgentClient({ baseUrl, token: "secret token" }),
  () => createAgentClient({ baseUrl, apiKey: "secretö", userId: "ada" }),
  () => createAgentClient({ baseUrl, userId: "secret\r\nx: y" }),
];
const errors = makers.map((make) => {
  try {
    make();
    return null;
  } catch (error) {
    return `${error}`;
  }
});
try {
  await createAgentClient({ baseUrl, token: async () => "secret\n" }).getPrompt("prompt-1");
} catch (error) {
  errors.push(`${error}`);
}
const agent = createAgentClient({ baseUrl, userId: "ada", retry: { attempts: 1 } });
const services = createServicesClient({ baseUrl, apiKey: "key", retry: { attempts: 1 } });
const requests = [
  () => services.destroyResource("agent-7", "openrouter", ".."),
  () => services.destroyInstance(""),
  () => services.waitForOperation("."),
  () => agent.getPrompt(".."),
  () => agent.follow("..").next(),
];
for (const request of requests) {
  try {
    await request();
  } catch (error) {
    errors.push(`${error}`);
  }
}
console.log(JSON.stringify(errors));
