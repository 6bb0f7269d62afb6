/** Create an instance, look it up in both lists, and destroy it; or print the error of one of these. */
import {
  createServicesClient,
  OperationFailed,
  PointsmanError,
  type Schemas,
  type ServicesClientOptions,
} from "@pointsman/client";

interface Arguments {
  client: ServicesClientOptions;
  body: Schemas["CreateInstance"];
  /** Only begin the create, and wait for its operation by id. */
  byOperation?: boolean;
  keep?: boolean;
}

const { client, body, byOperation, keep }: Arguments = JSON.parse(process.argv[2] ?? "{}");
const services = createServicesClient(client);
const { instanceId } = body;
const result: Record<string, unknown> = {};
try {
  if (byOperation) {
    const started = await services.api.POST("/create-instance", { body });
    result.started = started;
    if ("operationId" in started) {
      const operation = await services.waitForOperation(started.operationId);
      if (operation.kind === "create") result.created = operation.result;
    }
  } else result.created = await services.createInstance(body);
  result.listed = [];
  for await (const instance of services.instances({ search: instanceId }))
    (result.listed as string[]).push(instance.instanceId);
  result.operations = [];
  for await (const { kind, status } of services.operations({ instanceId, pageSize: 1 })) {
    (result.operations as string[]).push(`${kind} ${status}`);
  }
  if (!keep) result.destroyed = await services.destroyInstance(instanceId);
} catch (caught) {
  if (!(caught instanceof PointsmanError)) throw caught;
  const { name, status, code, message, requestId, details } = caught;
  result.error = { name, status, code, message, requestId, details };
  if (caught instanceof OperationFailed)
    result.failed = { operationId: caught.operationId, status: caught.operationStatus };
}
console.log(JSON.stringify(result));
