/** Redeploy, configure and destroy an instance, each after a question that says what it will do. */
import { useState } from "preact/hooks";

import { api, newIdempotencyKey, unwrap } from "../api/client";
import { ApiError } from "../api/errors";
import { ConfirmDialog } from "../components/confirm_dialog";
import { Field } from "../components/field";
import type { Instance } from "../fleet/queries";
import { type Change, follow } from "./change";

interface Props {
  instance: Instance;
  onChange: (change: Change) => void;
}

export function InstanceActions({ instance, onChange }: Props) {
  const [asked, setAsked] = useState<"redeploy" | "configure" | "destroy" | null>(null);
  const [isHeld, setIsHeld] = useState(false);
  const { instanceId } = instance;
  const close = () => setAsked(null);
  const redeploy = () => {
    const header = { "Idempotency-Key": newIdempotencyKey() };
    follow(
      `Redeploy of ${instanceId}`,
      () => unwrap(api.POST("/redeploy/{instanceId}", { params: { path: { instanceId }, header } })),
      onChange,
    );
  };
  const destroy = () => {
    const header = {
      "Idempotency-Key": newIdempotencyKey(),
      ...(isHeld && { "Confirm-Destroy": encodeURIComponent(instanceId) }),
    };
    follow(
      `Destroy of ${instanceId}`,
      () =>
        unwrap(api.DELETE("/destroy/{instanceId}", { params: { path: { instanceId }, header } })).catch((error) => {
          setIsHeld(error instanceof ApiError && error.code === "DESTROYS_HELD");
          throw error;
        }),
      onChange,
    );
  };
  return (
    <div class="actions">
      <button type="button" onClick={() => setAsked("redeploy")}>
        Redeploy…
      </button>
      <button type="button" onClick={() => setAsked("configure")}>
        Configure…
      </button>
      <button type="button" class="danger" onClick={() => setAsked("destroy")}>
        Destroy…
      </button>
      {asked === "redeploy" && (
        <ConfirmDialog title={`Redeploy ${instanceId}`} confirmLabel="Redeploy" onConfirm={redeploy} onClose={close}>
          <p>Railway builds and starts the service anew. The agent is interrupted; its volume and tools stay.</p>
        </ConfirmDialog>
      )}
      {asked === "configure" && <ConfigureDialog instanceId={instanceId} onChange={onChange} onClose={close} />}
      {asked === "destroy" && (
        <ConfirmDialog
          title={`Destroy ${instanceId}`}
          confirmLabel={isHeld ? "Destroy all the same" : "Destroy"}
          isDangerous
          textToType={instanceId}
          onConfirm={destroy}
          onClose={close}
        >
          <p>
            Deletes the service, its volume with all data
            {instance.tools.length > 0 && `, and its tools (${instance.tools.map((tool) => tool.toolId).join(", ")})`}. This cannot be
            undone.
          </p>
          {isHeld && <p class="note warning">Many instances were destroyed of late, so this one was held. Confirm that you mean it.</p>}
        </ConfirmDialog>
      )}
    </div>
  );
}

function ConfigureDialog({ instanceId, onChange, onClose }: { instanceId: string; onChange: Props["onChange"]; onClose: () => void }) {
  const [text, setText] = useState("");
  const [redeploys, setRedeploys] = useState(false);
  const configure = () => {
    const variables = parseVariables(text);
    const header = { "Idempotency-Key": newIdempotencyKey() };
    follow(
      `Configure of ${instanceId}`,
      () =>
        unwrap(
          api.POST("/configure/{instanceId}", {
            params: { path: { instanceId }, header },
            body: { variables, redeploy: redeploys },
          }),
        ),
      onChange,
    );
  };
  return (
    <ConfirmDialog title={`Configure ${instanceId}`} confirmLabel="Set variables" onConfirm={configure} onClose={onClose}>
      <p>Sets these variables of the service, and leaves its others as they are. They take effect at its next deployment.</p>
      <Field label="Variables" hint="One NAME=value a line">
        {(id) => (
          <textarea id={id} rows={5} required spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        )}
      </Field>
      <label class="check">
        <input type="checkbox" checked={redeploys} onChange={(event) => setRedeploys(event.currentTarget.checked)} />
        Redeploy now
      </label>
    </ConfirmDialog>
  );
}

function parseVariables(text: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const line of text.split("\n").filter((one) => one.trim())) {
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    if (!match) throw new Error("Each line must be NAME=value, with a name of letters, digits and _.");
    variables[match[1] as string] = match[2] as string;
  }
  return variables;
}
