/** The tools of an instance, what its key spends, and giving it one more. */
import { useQuery } from "@tanstack/preact-query";
import { useState } from "preact/hooks";

import { api, newIdempotencyKey, unwrap } from "../api/client";
import { ConfirmDialog } from "../components/confirm_dialog";
import { Field } from "../components/field";
import { formatUsd, Meter, spentOf } from "../components/money";
import { Empty } from "../components/notes";
import { Status } from "../components/status";
import { type Instance, registry, spend, type ToolId } from "../fleet/queries";
import { type Change, follow } from "./change";

interface Props {
  instance: Instance;
  mayWrite: boolean;
  onChange: (change: Change) => void;
}

export function InstanceTools({ instance, mayWrite, onChange }: Props) {
  const tools = useQuery(registry());
  const [asked, setAsked] = useState<{ id: string; name: string } | null>(null);
  const missing = tools.data?.filter((tool) => !instance.tools.some((own) => own.toolId === tool.id)) ?? [];
  return (
    <section class="card" aria-labelledby="tools">
      <h2 id="tools">Tools</h2>
      {instance.tools.length === 0 && <Empty>It has no tool.</Empty>}
      <ul class="lines">
        {instance.tools.map((tool) => (
          <li key={tool.toolId}>
            <strong>{tool.toolId}</strong>
            <Status value={tool.status} />
            <code class="muted">{tool.resourceId}</code>
            {tool.toolId === "openrouter" && <Spend instanceId={instance.instanceId} />}
          </li>
        ))}
      </ul>
      {mayWrite && missing.length > 0 && (
        <div class="actions">
          {missing.map((tool) => (
            <button key={tool.id} type="button" onClick={() => setAsked(tool)}>
              Provision {tool.name}…
            </button>
          ))}
        </div>
      )}
      {asked && (
        <ProvisionDialog instanceId={instance.instanceId} tool={asked} onChange={onChange} onClose={() => setAsked(null)} />
      )}
    </section>
  );
}

function Spend({ instanceId }: { instanceId: string }) {
  const query = useQuery(spend());
  const key = query.data?.keys.find((one) => one.instanceId === instanceId);
  const spent = key ? spentOf(key) : null;
  if (!key || spent === null) return null;
  return (
    <div class="spend">
      <span class="number">
        {formatUsd(spent)} spent{key.limit !== null && ` of ${formatUsd(key.limit)}`}
        {key.limit !== null && key.limitReset && ` ${key.limitReset}`}
      </span>
      {key.limit ? <Meter share={spent / key.limit} /> : null}
    </div>
  );
}

interface DialogProps {
  instanceId: string;
  tool: { id: string; name: string };
  onChange: (change: Change) => void;
  onClose: () => void;
}

function ProvisionDialog({ instanceId, tool, onChange, onClose }: DialogProps) {
  const [limit, setLimit] = useState("");
  const provision = () => {
    const header = { "Idempotency-Key": newIdempotencyKey() };
    const path = { instanceId, toolId: tool.id as ToolId };
    const body = limit === "" ? undefined : { config: { limit: Number(limit) } };
    follow(
      `Provision of ${tool.name}`,
      () => unwrap(api.POST("/provision/{instanceId}/{toolId}", { params: { path, header }, body })),
      onChange,
    );
  };
  return (
    <ConfirmDialog title={`Provision ${tool.name} for ${instanceId}`} confirmLabel="Provision" onConfirm={provision} onClose={onClose}>
      <p>Buys or creates it at its provider, sets its variables, and deploys the service with them: the agent is interrupted.</p>
      {tool.id === "openrouter" && (
        <Field label="Limit in USD" hint="Empty for the deployment's own">
          {(id) => (
            <input id={id} type="number" min="0" step="any" value={limit} onInput={(event) => setLimit(event.currentTarget.value)} />
          )}
        </Field>
      )}
    </ConfirmDialog>
  );
}
