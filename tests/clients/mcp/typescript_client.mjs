// Calls the MCP endpoint with the official TypeScript SDK. Arguments: the folder of the packages, the endpoint, the
// headers as JSON, and the scenario. Prints what it has seen as JSON.
import { createRequire } from "node:module";

const [packages, url, headers, scenario, argument] = process.argv.slice(2);
const load = createRequire(`${packages}/`);
const { Client } = load("@modelcontextprotocol/sdk/client/index.js");
const { StreamableHTTPClientTransport } = load("@modelcontextprotocol/sdk/client/streamableHttp.js");

const open = async () => {
  const client = new Client({ name: "test", version: "1" }, { capabilities: { elicitation: {} } });
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: JSON.parse(headers) } });
  await client.connect(transport);
  return { client, transport };
};

const scenarios = {
  async tools() {
    const { client } = await open();
    const { tools } = await client.listTools();
    const result = await client.callTool({ name: "time_now", arguments: { timezone: "UTC" } });
    const failed = await client.callTool({ name: "time_now", arguments: { timezone: "Nowhere" } });
    const asked = await client.callTool({ name: "instances_destroy", arguments: { instanceId: "nobody" } });
    await client.close();
    return { server: client.getServerVersion(), tools, result, failed, asked };
  },
  async prompt() {
    const { client } = await open();
    const progress = [];
    const options = { onprogress: ({ message }) => progress.push(message) };
    const result = await client.callTool({ name: "prompt", arguments: { input: argument } }, undefined, options);
    await client.close();
    return { progress, result };
  },
  async cut() {
    const { client } = await open();
    const promptId = await new Promise((resolve, reject) => {
      const onprogress = ({ message }) => message === "time.now: done" && resolve(first);
      let first;
      const note = (progress) => {
        first ??= progress.message.split(" ")[0];
        onprogress(progress);
      };
      client.callTool({ name: "prompt", arguments: { input: argument } }, undefined, { onprogress: note }).catch(reject);
    });
    // Closing it breaks the connection in the middle of the events.
    client.close().catch(() => {});
    const { client: second } = await open();
    const result = await second.callTool({ name: "prompt_result", arguments: { promptId } });
    await second.close();
    return { promptId, result };
  },
  async result() {
    const { client } = await open();
    const result = await client.callTool({ name: "prompt_result", arguments: { promptId: argument } });
    await client.close();
    return { result };
  },
  async refused() {
    try {
      await open();
    } catch (error) {
      return { name: error.constructor.name, code: error.code, message: error.message };
    }
    return {};
  },
};

process.stdout.write(JSON.stringify(await scenarios[scenario]()));
process.exit(0);
