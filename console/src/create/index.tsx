/** Creating an instance, and watching the operation. */
import { useQuery } from "@tanstack/preact-query";
import { useState } from "preact/hooks";

import { api, newIdempotencyKey, unwrap } from "../api/client";
import { queryClient } from "../api/query_client";
import { ConfirmDialog } from "../components/confirm_dialog";
import { Field } from "../components/field";
import { Loaded } from "../components/notes";
import { registry, type ToolId } from "../fleet/queries";
import { type Change, ChangeNote, follow } from "../instance/change";
import { OperationStatus } from "../operations/operation_table";
import { operationsOfInstance } from "../operations/queries";
import { OperationTimeline } from "../operations/timeline";
import { link } from "../routing";
import { session } from "../session";
import { useStore } from "../store";

const NAME_PREFIX = "convos-agent-";

/** A create that was sent, with the operations that the instance's id had before. */
interface Attempt {
  instanceId: string;
  earlier: Set<string>;
}

export default function CreateScreen() {
  const mayWrite = useStore(session).services?.mayWrite ?? false;
  const [attempt, setAttempt] = useState<Attempt | null>(null);
  const [change, setChange] = useState<Change | null>(null);
  return (
    <>
      <a class="crumb" href={link("fleet")}>
        ← Fleet
      </a>
      <h1 tabIndex={-1}>Create instance</h1>
      {mayWrite ? (
        <div class="columns">
          <CreateForm isBusy={change?.state === "sent"} onSend={setAttempt} onChange={setChange} />
          {attempt && (
            <section class="card" aria-labelledby="progress">
              <h2 id="progress">{attempt.instanceId}</h2>
              <ChangeNote change={change} />
              <Progress attempt={attempt} isAwaited={change?.state === "sent"} />
            </section>
          )}
        </div>
      ) : (
        <p class="note">Your key can only read.</p>
      )}
    </>
  );
}

interface FormProps {
  isBusy: boolean;
  onSend: (attempt: Attempt) => void;
  onChange: (change: Change) => void;
}

function CreateForm({ isBusy, onSend, onChange }: FormProps) {
  const tools = useQuery(registry());
  const [instanceId, setInstanceId] = useState("");
  const [name, setName] = useState<string | null>(null);
  const [chosen, setChosen] = useState<string[]>([]);
  const [isAsking, setIsAsking] = useState(false);
  const body = { instanceId, name: name ?? `${NAME_PREFIX}${instanceId}`, tools: chosen as ToolId[] };
  const create = async () => {
    const operations = await queryClient.fetchQuery({ ...operationsOfInstance(instanceId, true), staleTime: 0 });
    onSend({ instanceId, earlier: new Set(operations.map((operation) => operation.operationId)) });
    const header = { "Idempotency-Key": newIdempotencyKey() };
    follow(`Create of ${instanceId}`, () => unwrap(api.POST("/create-instance", { params: { header }, body })), onChange);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    setIsAsking(true);
  };
  return (
    <form class="card" onSubmit={submit}>
      <Field label="Id" hint="Letters, digits and . _ ~ -, beginning with a letter or digit">
        {(id) => (
          <input
            id={id}
            required
            autoComplete="off"
            maxLength={128}
            pattern="[A-Za-z0-9][A-Za-z0-9._~\-]*"
            value={instanceId}
            onInput={(event) => setInstanceId(event.currentTarget.value)}
          />
        )}
      </Field>
      <Field label="Name of its service" hint="At most 32 characters. With another name than convos-agent-<id>, the fleet lists another id.">
        {(id) => (
          <input
            id={id}
            required
            autoComplete="off"
            maxLength={32}
            value={body.name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        )}
      </Field>
      <fieldset class="field">
        <legend>Tools</legend>
        <Loaded query={tools}>
          {(registered) =>
            registered.map((tool) => (
              <label key={tool.id} class="check">
                <input
                  type="checkbox"
                  checked={chosen.includes(tool.id)}
                  onChange={(event) =>
                    setChosen(event.currentTarget.checked ? [...chosen, tool.id] : chosen.filter((id) => id !== tool.id))
                  }
                />
                {tool.name} <span class="muted mono">{tool.envKeys.join(", ")}</span>
              </label>
            ))
          }
        </Loaded>
      </fieldset>
      <div class="actions">
        <button type="submit" class="primary" disabled={isBusy}>
          Create…
        </button>
      </div>
      {isAsking && (
        <ConfirmDialog title={`Create ${instanceId}`} confirmLabel="Create" onConfirm={create} onClose={() => setIsAsking(false)}>
          <p>
            Creates the service {body.name} with a volume and a domain, deploys it
            {chosen.length > 0 && `, and buys or creates at their providers: ${chosen.join(", ")}`}. If a step fails, everything is
            deleted again.
          </p>
        </ConfirmDialog>
      )}
    </form>
  );
}

function Progress({ attempt, isAwaited }: { attempt: Attempt; isAwaited: boolean }) {
  const query = useQuery(operationsOfInstance(attempt.instanceId, isAwaited));
  const operation = query.data?.find((one) => !attempt.earlier.has(one.operationId));
  if (!operation) return isAwaited ? <p class="muted">Waiting for the first step…</p> : null;
  return (
    <>
      <p class="facts">
        <OperationStatus operation={operation} />
        <a href={link("operations", operation.operationId)}>Operation</a>
        {operation.status === "succeeded" && <a href={link("instances", attempt.instanceId)}>Open {attempt.instanceId}</a>}
      </p>
      <OperationTimeline operationId={operation.operationId} />
    </>
  );
}
